import assert from 'node:assert/strict';
import { test } from 'node:test';
import { systemClock } from '../../../src/base/clock.ts';
import { Pace } from '../../../src/base/pace.ts';
import { LongDocuments } from '../../../src/feed/file/long-documents.ts';
import { readDocument } from '../../../src/feed/file/read-document.ts';

const service = (index: number, port: number | string) => `- apiVersion: v1
  kind: Service
  metadata: { name: s${index} }
  spec: { clusterIP: 10.96.0.1, ports: [{ port: ${port}, protocol: TCP }] }
`;
const items = Array.from({ length: 600 }, (_, index) => service(index, 1 + index)).join('');
const list = `apiVersion: v1\nkind: List\nitems:\n${items}`;

const documents: Readonly<Record<string, string>> = {
  'a short document': `apiVersion: v1\nkind: List\nitems:\n${service(1, 80)}`,
  'a long list': list,
  'a long list with a wrong object in the middle': `${list}${service(601, 'http')}${service(602, 80)}`,
  'a long document that is no YAML': `${list}- [}`,
  'a long document of comments': `#${'-'.repeat(100_000)}\n`,
};

for (const [name, text] of Object.entries(documents)) {
  test(`${name} says the same as without a thread`, async () => {
    const read = await new LongDocuments().read(text, {}, new Pace(systemClock));
    assert.deepStrictEqual(read, readDocument(text, {}));
  });
}

test('long documents that come at once are all read', async () => {
  const long = new LongDocuments();
  const pace = new Pace(systemClock);
  const texts = [80, 81, 82].map((port) => `${list}${service(600, port)}`);
  const read = await Promise.all(texts.map((text) => long.read(text, {}, pace)));
  assert.deepStrictEqual(
    read,
    texts.map((text) => readDocument(text, {})),
  );
});

import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { parseConfig } from '../../../src/config/load.ts';

const folder = join(import.meta.dirname, '../../../config/kubernetes');
const files = readdirSync(folder);

interface Shipped {
  readonly kind: string;
  readonly data?: Readonly<Record<string, string>>;
  readonly rules?: readonly { readonly resources: readonly string[]; readonly verbs: readonly string[] }[];
}

function objects(file: string): Shipped[] {
  return parseAllDocuments(readFileSync(join(folder, file), 'utf8')).map((document) => {
    assert.deepEqual(document.errors, []);
    return document.toJS() as Shipped;
  });
}

for (const file of files) {
  test(`${file}: the configurations in it are right`, () => {
    for (const { data } of objects(file)) {
      const text = data?.['sluice.yaml'];
      if (text === undefined) continue;
      const result = parseConfig(text, file);
      assert.equal(result.kind, 'ok', JSON.stringify(result));
    }
  });

  test(`${file}: sluice may list, watch and tell, and nothing else`, () => {
    for (const { resources, verbs } of objects(file).flatMap(({ rules = [] }) => rules)) {
      assert.deepEqual(verbs, resources[0] === 'events' ? ['create'] : ['list', 'watch']);
      assert.equal(resources.length, 1);
    }
  });
}

test('who proxies a node does not ask for the API server at the Service that it serves itself', () => {
  const daemonSet = JSON.stringify(objects('daemonset.yaml').find(({ kind }) => kind === 'DaemonSet'));
  for (const variable of ['HOST', 'PORT'])
    assert.match(daemonSet, new RegExp(`"KUBERNETES_SERVICE_${variable}","value"`));
});

test('there are manifests', () => assert.ok(files.includes('rbac.yaml')));

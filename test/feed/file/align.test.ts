import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { splitDocuments } from '../../../src/config/split.ts';
import { alignVersions } from '../../../src/feed/file/align.ts';
import type { Content, ManifestFile } from '../../../src/feed/file/version.ts';

/** A version whose contents remember their text. */
function versionOf(text: string, texts: Map<Content, string>): ManifestFile {
  const bytes = Buffer.from(text);
  const chunks = splitDocuments(bytes).map(({ start, end }) => {
    const content: Content = { manifests: [], faultPlaces: new Map() };
    texts.set(content, bytes.toString('utf8', start, end));
    return { start, end, content };
  });
  return { bytes, chunks };
}

function checkAlignment(before: string, after: string): { reused: number; total: number } {
  const texts = new Map<Content, string>();
  const bytes = Buffer.from(after);
  const { head, middle, tail, old } = alignVersions(bytes, versionOf(before, texts));
  const ranges = [...head, ...middle, ...tail].map(({ start, end }) => ({ start, end }));
  assert.deepEqual(ranges, splitDocuments(bytes));
  const found = middle.flatMap((chunk) => {
    const content = old(chunk);
    return content === undefined ? [] : [{ ...chunk, content }];
  });
  const reused = [...head, ...found, ...tail];
  for (const { start, end, content } of reused) assert.equal(texts.get(content), bytes.toString('utf8', start, end));
  return { reused: reused.length, total: ranges.length };
}

const text = fc
  .array(fc.constantFrom('a: 1\n', 'b: 2\n', '---\n', '--- # c\n', '----\n', '\n', '%YAML 1.2\n', '---', 'ä: ö\r\n'), {
    maxLength: 12,
  })
  .map((lines) => lines.join(''));

test('whatever changes, the documents are those of the new version, and what is reused is the same text', () => {
  fc.assert(
    fc.property(text, text, (before, after) => void checkAlignment(before, after)),
    { numRuns: 2_000 },
  );
});

test('one edit in many documents', () => {
  const edit = fc.record({ at: fc.nat(99), kind: fc.constantFrom('replace', 'insert', 'remove') });
  const documents = Array.from({ length: 100 }, (_, index) => `name: ${index}\ntext: ${'x'.repeat(3_000)}\n`);
  const property = fc.property(edit, ({ at, kind }) => {
    const after = documents.toSpliced(at, kind === 'insert' ? 0 : 1, ...(kind === 'remove' ? [] : ['name: new\n']));
    const { reused, total } = checkAlignment(documents.join('---\n'), after.join('---\n'));
    // A document's text begins with its marker, which the first one lacks: an edit there changes two.
    assert.ok(reused >= total - 2, `${reused} of ${total}`);
  });
  fc.assert(property, { numRuns: 50 });
});

test('documents that changed places are found by their text', () => {
  const documents = ['---\na: 1\n', '---\nb: 1\n', '---\nc: 1\n', '---\nd: 1\n'];
  const { reused } = checkAlignment(documents.join(''), documents.toReversed().join(''));
  assert.equal(reused, 4);
});

test('equal versions are reused as a whole', () => {
  assert.deepEqual(checkAlignment('a: 1\n---\nb: 2\n', 'a: 1\n---\nb: 2\n'), { reused: 2, total: 2 });
});

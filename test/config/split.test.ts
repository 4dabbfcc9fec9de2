import assert from 'node:assert/strict';
import { test } from 'node:test';
import { countLines, splitDocuments } from '../../src/config/split.ts';

const split = (text: string) => {
  const bytes = Buffer.from(text);
  return splitDocuments(bytes).map(({ start, end }) => bytes.toString('utf8', start, end));
};

const rows: readonly [string, string, readonly string[]][] = [
  ['one document', 'a: 1\n', ['a: 1\n']],
  ['two documents', 'a: 1\n---\nb: 2\n', ['a: 1\n', '---\nb: 2\n']],
  ['a marker at the beginning', '---\na: 1\n---\nb: 2', ['---\na: 1\n', '---\nb: 2']],
  ['a marker at the end', 'a: 1\n---', ['a: 1\n', '---']],
  [
    'a comment or content behind the marker',
    'a: 1\n--- # b\nb: 2\n---\t{c: 3}\n',
    ['a: 1\n', '--- # b\nb: 2\n', '---\t{c: 3}\n'],
  ],
  ['dashes that are no marker', 'a: |\n  ---\n  x\n----\n---x\n', ['a: |\n  ---\n  x\n----\n---x\n']],
  ['a directive', 'a: 1\n...\n%YAML 1.2\n---\nb: 2\n', ['a: 1\n...\n%YAML 1.2\n---\nb: 2\n']],
  ['a directive at the beginning', '%YAML 1.2\n---\nb: 2\n', ['%YAML 1.2\n---\nb: 2\n']],
  ['carriage returns', 'a: 1\r\n---\r\nb: 2', ['a: 1\r\n', '---\r\nb: 2']],
  ['nothing', '', ['']],
];
for (const [name, text, documents] of rows) test(`split: ${name}`, () => assert.deepEqual(split(text), documents));

test('lines are counted between two offsets', () => {
  const bytes = Buffer.from('a\nb\nc\n');
  assert.equal(countLines(bytes, 0, 6), 3);
  assert.equal(countLines(bytes, 2, 4), 1);
  assert.equal(countLines(bytes, 2, 3), 0);
});

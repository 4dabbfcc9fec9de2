import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { locator, parseDocument } from '../../src/config/document.ts';
import { formatPath } from '../../src/config/path.ts';

function read(text: string): unknown {
  const result = parseDocument(text);
  assert.equal(result.kind, 'ok', text);
  return result.kind === 'ok' ? result.value : undefined;
}

test('YAML, JSON and comments are read', () => {
  assert.deepEqual(read('a: 1\nb: [x, off]'), { a: 1, b: ['x', 'off'] });
  assert.deepEqual(read('{"a": [1, null]}'), { a: [1, null] });
  assert.deepEqual(read('{a: 1}'), { a: 1 });
  assert.equal(read('# nothing\n'), null);
  assert.deepEqual(read('%YAML 1.2\n---\na: 1'), { a: 1 });
});

const laughs = `a: &a [1,1,1,1,1,1,1,1,1]\n${['b', 'c', 'd', 'e', 'f', 'g']
  .map((name, index) => `${name}: &${name} [${Array<string>(9).fill(`*${'abcdef'[index]}`).join(',')}]`)
  .join('\n')}`;

const faults: readonly [string, string, RegExp, string][] = [
  ['a list in place of a value', 'services: {}\n  - a', /./, '2:1'],
  ['an unclosed quote', 'a: "b\n', /quote/i, '2:1'],
  ['a duplicate key', 'a: 1\nb: 2\na: 3', /"a" is there twice/, '3:1'],
  ['a map as a key', '? {a: 1}\n: 2', /must be a word/, '1:3'],
  ['a second document', 'a: 1\n---\nb: 1', /second document/, '2:1'],
  ['an alias to nowhere', 'a: *x', /alias/i, '1:1'],
  ['an alias to itself', 'a: &a [*a]', /contains itself/, '1:8'],
  ['billion laughs', laughs, /alias/i, '1:1'],
  ['a bottomless flow list', '['.repeat(100_000), /nested/, ''],
  ['a bottomless block list', '- '.repeat(100_000), /nested/, ''],
  ['nesting beyond any need', `${'['.repeat(100)}${']'.repeat(100)}!`, /./, ''],
  ['deep nesting that parses', `a: ${'['.repeat(100)}${']'.repeat(100)}`, /nested more than 64/, ''],
  ['half a document', 'services:\n  - name: web\n    ports: [{ port: 80', /./, ''],
];
for (const [name, text, message, place] of faults) {
  test(`${name} is a fault with a place`, () => {
    const result = parseDocument(text);
    assert.equal(result.kind, 'invalid');
    if (result.kind !== 'invalid') return;
    assert.match(result.message, message);
    if (place !== '') assert.equal(`${result.at.line}:${result.at.column}`, place);
  });
}

test('a YAML document that is too large is a fault, JSON of the size is not', () => {
  const words = `"${'x'.repeat(17 * 1024 ** 2)}"`;
  assert.equal(parseDocument(`a: ${words}`).kind, 'invalid');
  assert.equal(parseDocument(`{"a": ${words}}`).kind, 'ok');
  assert.deepEqual(locator(`a: ${words}`)(['a']), { line: 1, column: 1 });
});

test('100,000 keys of one map are compared in linear time', () => {
  const result = parseDocument(Array.from({ length: 100_000 }, (_, index) => `k${index}: 1\n`).join(''));
  assert.equal(result.kind, 'ok');
});

test('no text makes it throw', () => {
  const unit = fc.constantFrom(
    'a',
    ':',
    ' ',
    '\n',
    '-',
    '*',
    '&',
    '{',
    '}',
    '[',
    ']',
    '"',
    '#',
    '%',
    '|',
    '\t',
    '?',
    '\0',
    '!',
    '<<',
  );
  fc.assert(
    fc.property(fc.string({ unit, maxLength: 60 }), (text) => assert.ok(parseDocument(text).kind)),
    { numRuns: 2_000 },
  );
});

const text = `# head
services:
  - name: web
    ports:
      - { name: http, port: 80 }
      - { name: https,
          port: 443 }
  - &shared { name: other }
  - *shared
`;
const places: readonly [readonly (string | number)[], string][] = [
  [['services'], '2:1'],
  [['services', 0, 'ports', 1, 'port'], '7:11'],
  [['services', 0, 'ports', 1], '6:9'],
  [['services', 0, 'vip'], '3:5'],
  [['services', 9], '2:1'],
  [['nothing'], '2:1'],
  [['services', 2, 'name'], '8:15'],
  [['services', 0, 'name', 'deeper'], '3:5'],
];
for (const [path, place] of places) {
  test(`${formatPath(path)} stands at ${place}`, () => {
    const { line, column } = locator(text)(path);
    assert.equal(`${line}:${column}`, place);
  });
}

test('paths are written as one would in a program', () => {
  assert.equal(formatPath(['services', 0, 'ports', 1, 'port']), 'services[0].ports[1].port');
  assert.equal(formatPath(['metadata', 'annotations', 'sluice/policy']), 'metadata.annotations["sluice/policy"]');
  assert.equal(formatPath([]), '');
});

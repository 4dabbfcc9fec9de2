import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { ItemSplitter } from '../../../src/feed/kubernetes/items.ts';

function split(text: string, size: number): { items: unknown[]; rest: string } {
  const bytes = Buffer.from(text);
  const splitter = new ItemSplitter();
  const items: unknown[] = [];
  for (let at = 0; at < bytes.length; at += size)
    for (const item of splitter.push(bytes.subarray(at, at + size))) items.push(JSON.parse(item));
  return { items, rest: splitter.rest() };
}

const anyValue = fc.jsonValue({ maxDepth: 4, noUnicodeString: false });
/** With what could be taken for the end of something. */
const nasty = fc.constantFrom('"items":[1,2]', '\\"', ']},{[', 'ä"\\', '{"items":[');
const value = fc.oneof(anyValue, nasty, fc.record({ items: fc.array(nasty), name: nasty }));

test('however a list is cut, its items are those of a parser, and so is the rest of it', () => {
  const lists = fc.record({
    before: value,
    items: fc.array(value),
    after: value,
    space: fc.constantFrom(undefined, 1, '\t'),
    size: fc.integer({ min: 1, max: 40 }),
  });
  fc.assert(
    fc.property(lists, ({ before, items, after, space, size }) => {
      const list = { metadata: before, items, other: after };
      const found = split(JSON.stringify(list, undefined, space), size);
      const wanted = JSON.parse(JSON.stringify(list)) as typeof list;
      assert.deepEqual(found.items, wanted.items);
      assert.deepEqual(JSON.parse(found.rest), { ...wanted, items: [] });
    }),
  );
});

test('what has no list of items is the rest alone', () => {
  for (const text of [
    '{"items":null}',
    '{"items":{}}',
    '{"a":["items",[1]],"b":{"items":[1]}}',
    '[[1],2]',
    '<html>',
    '',
  ]) {
    assert.deepEqual(split(text, 3), { items: [], rest: text });
  }
});

test('a list that is cut short has a rest that is no JSON', () => {
  const text = '{"items":[{"a":1},{"b":2}],"metadata":{}}';
  for (let end = 1; end < text.length; end += 1) {
    const { rest } = split(text.slice(0, end), 5);
    assert.throws(() => JSON.parse(rest), SyntaxError, rest);
  }
});

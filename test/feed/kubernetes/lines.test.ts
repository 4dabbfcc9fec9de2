import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { LineSplitter } from '../../../src/feed/kubernetes/lines.ts';

test('however a text is cut, its lines are the same, and what has no line feed is none', () => {
  const lines = fc.array(fc.string({ unit: 'grapheme' }).map((text) => text.replaceAll('\n', '')));
  fc.assert(
    fc.property(lines, fc.string({ unit: 'grapheme' }), fc.integer({ min: 1, max: 9 }), (wanted, rest, size) => {
      const bytes = Buffer.from(`${wanted.map((line) => `${line}\n`).join('')}${rest.replaceAll('\n', '')}`);
      const splitter = new LineSplitter();
      const found: string[] = [];
      for (let at = 0; at < bytes.length; at += size) found.push(...splitter.push(bytes.subarray(at, at + size)));
      assert.deepEqual(found, wanted);
    }),
  );
});

test('a line that no object can be is held no longer, and the next one is whole', () => {
  const splitter = new LineSplitter();
  const megabyte = Buffer.alloc(1024 ** 2, 'x');
  for (let count = 0; count < 17; count += 1) assert.deepEqual([...splitter.push(megabyte)], []);
  assert.deepEqual([...splitter.push(Buffer.from('end\nnext\n'))], ['…', 'next']);
});

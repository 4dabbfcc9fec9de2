import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatFields, formatTable, TextTable } from '../../src/cli/text-table.ts';

test('columns are as wide as their widest cell, the last one is ragged', () => {
  const text = formatTable(
    ['NAME', 'AGE'],
    [
      ['webserver', '5m'],
      ['a', ''],
    ],
  );
  assert.equal(text, 'NAME        AGE\nwebserver   5m\na\n');
});

test('later rows have no header and keep their place; widths only grow', () => {
  const table = new TextTable(['NAME', 'AGE']);
  assert.equal(table.print([['web', '5m']]), 'NAME   AGE\nweb    5m\n');
  assert.equal(table.print([['webserver', '6m']]), 'webserver   6m\n');
  assert.equal(table.print([['a', '7m']]), 'a           7m\n');
});

test('fields: values stand under each other, further lines too', () => {
  const text = formatFields([
    ['Name', 'web'],
    ['Labels', 'a=1\nb=2'],
  ]);
  assert.equal(text, 'Name:    web\nLabels:  a=1\n         b=2\n');
});

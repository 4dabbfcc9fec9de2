import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import { test } from 'node:test';

/** The rooms of src/, from the top floor to the ground. A room may import from itself and from the floors below. */
const floors = [
  'main.ts',
  'cli',
  'app',
  'admin',
  'metrics',
  'feed',
  'frontend',
  'table',
  'balance',
  'relay',
  'vip',
  'config',
  'model',
  'base',
];

const src = resolve(import.meta.dirname, '../src');
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
const roomOf = (file: string) => file.split('/')[0] ?? '';

function importsOf(file: string): string[] {
  const text = readFileSync(join(src, file), 'utf8');
  return [...text.matchAll(/(?:from|import)\s*\(?\s*'(?<path>\.[^']+)'/g)].map((match) =>
    relative(src, resolve(src, dirname(file), match.groups?.path ?? '')),
  );
}

test('every room has a floor', () => {
  assert.ok(files.length > 0);
  for (const file of files) assert.ok(floors.includes(roomOf(file)), `src/${file} is in a room without a floor`);
});

test('imports only go down', () => {
  for (const file of files) {
    for (const imported of importsOf(file)) {
      const down = floors.indexOf(roomOf(imported)) >= floors.indexOf(roomOf(file));
      assert.ok(down, `src/${file} imports src/${imported}, which is on a floor above it`);
    }
  }
});

test('files import each other without cycles', () => {
  const done = new Set<string>();
  const visit = (file: string, trail: readonly string[]): void => {
    assert.ok(!trail.includes(file), `cycle: ${[...trail, file].join(' -> ')}`);
    if (done.has(file)) return;
    for (const imported of importsOf(file)) visit(imported, [...trail, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
});

test('only base/clock.ts reads the time or throws dice', () => {
  const reads = /\b(Date\.now|new Date\(\)|performance\.now|Math\.random|process\.hrtime)\b/;
  for (const file of files.filter((name) => name !== 'base/clock.ts')) {
    assert.doesNotMatch(readFileSync(join(src, file), 'utf8'), reads, `src/${file} reads time or randomness`);
  }
});

test('only base/own-files.ts knows where files of sluice are, which npm run package puts elsewhere', () => {
  for (const file of files.filter((name) => name !== 'base/own-files.ts'))
    assert.doesNotMatch(readFileSync(join(src, file), 'utf8'), /\bimport\.meta\b/, `src/${file} looks for files`);
});

test('only base/http.ts takes node:http from Node.js', () => {
  const imports = /^import (?!type )[^;]*'node:http'/m;
  for (const file of files)
    assert.doesNotMatch(readFileSync(join(src, file), 'utf8'), imports, `src/${file} imports it`);
});

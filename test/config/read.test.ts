import assert from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { readDocumentFile } from '../../src/config/read.ts';

const folder = mkdtempSync(join(tmpdir(), 'sluice-read-'));
after(() => rmSync(folder, { recursive: true }));

function fileWith(name: string, content: string | Buffer): string {
  const file = join(folder, name);
  writeFileSync(file, content);
  return file;
}

test('a file is read without its byte order mark', async () => {
  const read = await readDocumentFile(fileWith('good', '\ufeffa: ä\n'));
  assert.equal(read.kind === 'ok' && read.bytes.toString(), 'a: ä\n');
});

const link = join(folder, 'loop');
symlinkSync(link, link);
const pipe = join(folder, 'pipe');
execFileSync('mkfifo', [pipe]);

const rows: readonly [string, string, string, RegExp][] = [
  ['a missing file', join(folder, 'missing'), 'FILE_UNREADABLE', /does not exist/],
  ['a directory', folder, 'FILE_UNREADABLE', /directory/],
  ['a pipe, without opening it', pipe, 'FILE_UNREADABLE', /not a regular file/],
  ['an endless device', '/dev/zero', 'FILE_UNREADABLE', /not a regular file/],
  ['a link to itself', link, 'FILE_UNREADABLE', /link to itself/],
  ['a file below a file', join(fileWith('flat', 'x'), 'y'), 'FILE_UNREADABLE', /ENOTDIR/],
  ['an empty file', fileWith('empty', ''), 'FILE_EMPTY', /empty/],
  ['a blank file', fileWith('blank', ' \n\n'), 'FILE_EMPTY', /empty/],
  ['a file with NUL bytes', fileWith('nul', 'a: 1\n\0\0'), 'FILE_ENCODING', /NUL byte at offset 5/],
  ['UTF-16', fileWith('utf16', Buffer.from('\ufeffa: 1', 'utf16le')), 'FILE_ENCODING', /UTF-8/],
  ['half a character', fileWith('half', Buffer.from([0x61, 0xc3])), 'FILE_ENCODING', /UTF-8/],
];
for (const [name, file, code, message] of rows) {
  test(`${name} is a problem that names the file`, async () => {
    const read = await readDocumentFile(file);
    assert.equal(read.kind, 'invalid');
    if (read.kind !== 'invalid') return;
    assert.equal(read.problem.code, code);
    assert.equal(read.problem.position?.file, file);
    assert.match(read.problem.message, message);
  });
}

test('a huge file is refused by its size, unread', async () => {
  const read = await readDocumentFile(fileWith('huge', 'x'.repeat(11)), 10);
  assert.equal(read.kind === 'invalid' && read.problem.code, 'FILE_TOO_LARGE');
});

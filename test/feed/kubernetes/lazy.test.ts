import assert from 'node:assert/strict';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';

const src = join(import.meta.dirname, '../../../src');
const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));

/** What `file` loads as soon as it is loaded itself; imports of types are gone by then. */
function staticImports(file: string): string[] {
  const text = readFileSync(join(src, file), 'utf8');
  return [...text.matchAll(/^(?:import|export) (?!type )[^;]*?from '(?<path>[^']+)'/gm)].map(
    ({ groups }) => groups?.path ?? '',
  );
}

test('who has no Kubernetes feed loads neither it nor the client library', () => {
  assert.ok(staticImports('app/feeds.ts').includes('../feed/file/file-feed.ts'), 'the test sees imports');
  for (const file of files) {
    const imports = staticImports(file);
    assert.ok(!imports.includes('@kubernetes/client-node'), `${file} loads the library`);
    if (file.startsWith('feed/kubernetes/')) continue;
    assert.ok(!imports.some((path) => path.includes('/kubernetes/')), `${file} loads the feed`);
  }
});

/** The files that name `text`, in an import of any kind or otherwise; imports of types do not count. */
const naming = (text: string) =>
  files.filter((file) =>
    readFileSync(join(src, file), 'utf8')
      .replaceAll(/^import type .*$/gm, '')
      .includes(text),
  );

test('the process that forwards never loads the client library, whose 800 modules would stop it for long', () => {
  assert.deepEqual(naming("'@kubernetes/client-node'"), ['feed/kubernetes/credentials-of.ts']);
  assert.deepEqual(naming("'./credentials-of.ts'"), ['feed/kubernetes/credentials-program.ts']);
  assert.deepEqual(naming('credentials-program'), ['feed/kubernetes/credentials.ts'], 'it is a program, and no import');
});

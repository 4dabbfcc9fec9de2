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

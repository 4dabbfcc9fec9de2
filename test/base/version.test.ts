import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { test } from 'node:test';
import { version } from '../../src/base/version.ts';

test('the version is that of package.json', () => {
  const text = readFileSync(new URL('../../package.json', import.meta.url), 'utf8');
  assert.match(version, /^\d+\.\d+\.\d+/);
  assert.equal(version, JSON.parse(text).version);
});

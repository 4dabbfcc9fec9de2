import assert from 'node:assert/strict';
import { execFileSync, spawnSync } from 'node:child_process';
import { describe, test } from 'node:test';
import { fileURLToPath } from 'node:url';
import { nativeAddon } from '../../support/native-addon.ts';

const file = fileURLToPath(new URL('../../../src/relay/native/build/Release/sluice.node', import.meta.url));
const noTools = spawnSync('readelf', ['--version']).error ? 'needs readelf and nm (binutils)' : false;

function show(command: string, ...options: string[]): string {
  return execFileSync(command, [...options, file], { encoding: 'utf8' });
}

describe('the addon is hardened', { skip: nativeAddon() === undefined || noTools }, () => {
  test('relocations are read-only and resolved at once; the stack is not executable', () => {
    const segments = show('readelf', '-Wl');
    assert.match(segments, /GNU_RELRO/);
    assert.match(segments, /GNU_STACK .* RW /);
    const dynamic = show('readelf', '-Wd');
    assert.match(dynamic, /BIND_NOW/);
    assert.doesNotMatch(dynamic, /TEXTREL|RPATH|RUNPATH/);
  });

  test('it needs the C and C++ libraries, Node-API and the stable calls of libuv, and nothing else', () => {
    const undefinedNames = show('nm', '-D', '--undefined-only')
      .split('\n')
      .flatMap((line) => line.trim().split(/\s+/)[1] ?? []);
    assert.ok(undefinedNames.some((name) => name.startsWith('__stack_chk_fail')));
    const known = /^(?:napi_|uv_|_ITM_|__gmon_start__|.*@(?:GLIBC|GLIBCXX|CXXABI|GCC)_)/;
    assert.deepEqual(
      undefinedNames.filter((name) => !known.test(name)),
      [],
    );
  });

  test('nothing of ours is visible but what Node.js looks for', () => {
    const ours = show('nm', '-D', '--defined-only')
      .split('\n')
      .flatMap((line) => line.trim().split(/\s+/)[2] ?? [])
      .filter((name) => !name.startsWith('_Z') || name.includes('sluice'));
    assert.deepEqual(ours.sort(), ['napi_register_module_v1', 'node_api_module_get_api_version_v1']);
  });
});

import { test } from 'node:test';
import type { Addon } from '../../src/relay/native/addon.ts';
import { loadAddon } from '../../src/relay/native/addon.ts';

/** The tests are run for the other engine (`SLUICE_TEST_ENGINE=net`), and once more at that: what is native alone needs no second time. */
export const isNetRun = process.env.SLUICE_TEST_ENGINE === 'net';

/** Why tests of the native engine cannot run here, or `false`. In CI they must. */
export function nativeIsMissing(): string | false {
  const loaded = loadAddon();
  if (loaded.kind === 'loaded' || process.env.CI !== undefined) return false;
  return `the native engine is missing: ${loaded.why}`;
}

/** The addon; where it was not built, a test that says so in its stead. In CI it must be there. */
export function nativeAddon(): Addon | undefined {
  const loaded = loadAddon();
  if (loaded.kind === 'loaded') return loaded.addon;
  if (process.env.CI !== undefined) throw new Error(`the native engine is missing: ${loaded.why}`);
  test('the native relay engine', { skip: loaded.why }, () => {});
  return undefined;
}

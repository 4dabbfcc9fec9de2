import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { isNetRun, nativeAddon } from '../support/native-addon.ts';
import { loadWithEngine } from './build.ts';

interface RelayFuzz {
  /**
   * Random schedules of peers that write, read, pause, shut down and reset, of endpoints that refuse or never answer, of
   * headers, aborts and moves between threads, all drawn from `seed`; when `milliseconds` have passed no more connections
   * begin. Each byte, each end and each `closed` is checked, and that nothing stalls. Throws what was wrong.
   */
  run(seed: number, milliseconds: number): { connections: number; broken: number; moved: number; bytes: number };
}

/** SLUICE_FUZZ_SEED=number SLUICE_FUZZ_SECONDS=number: from another seed, and for longer. */
const firstSeed = Number(process.env.SLUICE_FUZZ_SEED ?? 1);
const totalMs = Number(process.env.SLUICE_FUZZ_SECONDS ?? 2) * 1_000;
const runMs = 300;

describe('TCP on the native engine, by random schedules', { skip: isNetRun || nativeAddon() === undefined }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-fuzz-'));
  after(() => rmSync(folder, { recursive: true }));

  test('every byte arrives once, every end is told once, nothing stalls', (t) => {
    const { run } = loadWithEngine(folder, ['relay_fuzz.cc', 'connection.cc']) as RelayFuzz;
    let moved = 0;
    for (let seed = firstSeed; seed < firstSeed + totalMs / runMs; seed += 1) {
      // A crash has no other witness.
      process.stderr.write(`seed ${seed}\n`);
      const totals = run(seed, runMs);
      t.diagnostic(`seed ${seed}: ${JSON.stringify(totals)}`);
      assert.ok(totals.connections > 0 && totals.bytes > 0);
      moved += totals.moved;
    }
    assert.ok(moved > 0, 'no connection was moved to a thread');
  });
});

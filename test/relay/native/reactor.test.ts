import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, describe, test } from 'node:test';
import { loadWithEngine } from '../../fuzz/build.ts';
import { isNetRun, nativeAddon } from '../../support/native-addon.ts';

interface Reactor {
  callsOfTurns(turns: number): number;
}

describe('the reactor', { skip: isNetRun || nativeAddon() === undefined }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-reactor-'));
  after(() => rmSync(folder, { recursive: true }));

  test('who is never done has no more calls a turn than for an event and for having asked, however long that goes on', () => {
    const reactor = loadWithEngine(folder, ['../relay/native/reactor_calls.cc']) as Reactor;
    assert.equal(reactor.callsOfTurns(100), 2);
  });
});

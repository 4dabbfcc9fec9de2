import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Ledger } from '../../../src/relay/native/ledger.ts';

describe('Ledger', () => {
  it('keeps the numbers of neighbours apart, in one block and in two', () => {
    const ledger = new Ledger();
    const slots = [0, 1, 1_023, 1_024, 5_000];
    for (const slot of slots) ledger.open(slot);
    for (const slot of slots) {
      ledger.set(slot, 'startedAt', slot + 0.5);
      ledger.set(slot, 'settledDown', -slot);
    }
    const kept = slots.map((slot) => [ledger.get(slot, 'startedAt'), ledger.get(slot, 'settledDown')]);
    assert.deepEqual(
      kept,
      slots.map((slot) => [slot + 0.5, -slot]),
    );
  });

  it('begins anew with the next flow in a slot', () => {
    const ledger = new Ledger();
    ledger.open(7);
    ledger.set(7, 'settledUp', 2 ** 53);
    ledger.open(7);
    assert.equal(ledger.get(7, 'settledUp'), 0);
  });

  it('refuses a slot that was not opened', () => {
    assert.throws(() => new Ledger().get(0, 'startedAt'), /slot 0 was not opened/);
  });
});

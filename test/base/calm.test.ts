import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { Calm } from '../../src/base/calm.ts';
import { FakeClock } from '../support/fake-clock.ts';

function watched() {
  const clock = new FakeClock();
  let calls = 0;
  const calm = new Calm(clock, () => {
    calls += 1;
  });
  const note = (times: number) => {
    for (let count = 0; count < times; count += 1) calm.note();
  };
  return { clock, note, calls: () => calls };
}

describe('Calm', () => {
  it('lets few things pass without a timer', () => {
    const { clock, note } = watched();
    note(255);
    assert.equal(clock.pending, 0);
  });

  it('calls once, a second after a rush', () => {
    const { clock, note, calls } = watched();
    note(256);
    // Less than another rush.
    clock.advance(500);
    note(200);
    clock.advance(499);
    assert.equal(calls(), 0);
    clock.advance(1);
    assert.equal(calls(), 1);
    clock.advance(60_000);
    assert.deepEqual([calls(), clock.pending], [1, 0]);
  });

  it('waits as long as the rush lasts', () => {
    const { clock, note, calls } = watched();
    note(256);
    for (let second = 0; second < 30; second += 1) {
      note(256);
      clock.advance(1_000);
      assert.equal(calls(), 0);
    }
    clock.advance(1_000);
    assert.equal(calls(), 1);
  });

  it('calls after each rush', () => {
    const { clock, note, calls } = watched();
    for (let times = 1; times <= 3; times += 1) {
      note(256);
      clock.advance(1_000);
      assert.equal(calls(), times);
    }
  });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Sweeper } from '../../../src/relay/sweeper.ts';
import { FakeClock } from '../../support/fake-clock.ts';

test('what is watched is visited four times in its shortest timeout, and once a second at least', () => {
  const clock = new FakeClock();
  const visits: number[] = [];
  let timeoutMs = 400;
  new Sweeper(clock).add({
    watch(now) {
      visits.push(now);
      return timeoutMs;
    },
  });
  clock.advance(300);
  assert.deepEqual(visits, [0, 100, 200, 300]);
  timeoutMs = Number.POSITIVE_INFINITY;
  clock.advance(2_400);
  assert.deepEqual(visits.slice(4), [400, 1_400, 2_400]);
});

test('a timeout of nothing does not make it spin', () => {
  const clock = new FakeClock();
  let visits = 0;
  new Sweeper(clock).add({ watch: () => ++visits && 0 });
  clock.advance(100);
  assert.equal(visits, 6);
});

test('what is over is forgotten, and the timer with the last one', () => {
  const clock = new FakeClock();
  let isOver = false;
  const visits: number[] = [];
  new Sweeper(clock).add({
    watch(now) {
      visits.push(now);
      return isOver ? undefined : 4_000;
    },
  });
  isOver = true;
  clock.advance(10_000);
  assert.deepEqual(visits, [0, 1_000]);
  assert.equal(clock.pending, 0);
});

test('what comes later is visited at once, and the others when it is their time', () => {
  const clock = new FakeClock();
  const sweeper = new Sweeper(clock);
  const visits: string[] = [];
  const watched = (name: string, timeoutMs: number) => ({
    watch(now: number) {
      visits.push(`${name} ${now}`);
      return timeoutMs;
    },
  });
  sweeper.add(watched('slow', 4_000));
  clock.advance(500);
  sweeper.add(watched('slow too', 4_000));
  sweeper.add(watched('fast', 400));
  assert.deepEqual(visits, ['slow 0', 'slow too 500', 'fast 500']);
  clock.advance(100);
  assert.deepEqual(visits.slice(3), ['slow 600', 'slow too 600', 'fast 600']);
  assert.equal(clock.pending, 1);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Silence } from '../../../src/feed/kubernetes/silence.ts';
import { FakeClock } from '../../support/fake-clock.ts';

function listening(init: { readonly limitMs: number; readonly firstMs?: number }) {
  const clock = new FakeClock();
  const silent: number[] = [];
  const silence = new Silence({ clock, ...init, onSilence: () => silent.push(clock.now()) });
  return { clock, silent, silence };
}

test('it is silent when nothing was heard for so long, and says so once', () => {
  const { clock, silent, silence } = listening({ limitMs: 100 });
  clock.advance(60);
  silence.heard();
  clock.advance(99);
  assert.deepEqual(silent, []);
  clock.advance(1_000);
  assert.deepEqual(silent, [160]);
});

test('the first sign of life may be wanted sooner', () => {
  const { clock, silent } = listening({ limitMs: 100, firstMs: 10 });
  clock.advance(1_000);
  assert.deepEqual(silent, [10]);
});

test('after the first sign of life the others have their own time', () => {
  const { clock, silent, silence } = listening({ limitMs: 100, firstMs: 10 });
  clock.advance(9);
  silence.heard();
  clock.advance(1_000);
  assert.deepEqual(silent, [109]);
});

test('who has stopped hears nothing', () => {
  const { clock, silent, silence } = listening({ limitMs: 100 });
  silence.stop();
  clock.advance(1_000);
  assert.deepEqual(silent, []);
  assert.equal(clock.pending, 0);
});

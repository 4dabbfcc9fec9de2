import assert from 'node:assert/strict';
import { test } from 'node:test';
import { Pace } from '../../src/base/pace.ts';
import { inPieces, joined } from '../../src/base/pieces.ts';
import { FakeClock } from '../support/fake-clock.ts';

for (const count of [0, 1, 20, 21, 1_000]) {
  test(`a list of ${count} comes out of its pieces whole and in order`, async () => {
    const items = Array.from({ length: count }, (_, index) => ({ index, names: new Set([`${index}`]) }));
    assert.deepEqual(await joined(inPieces(items), new Pace(new FakeClock())), items);
  });
}

test('a long list has many pieces, so that none takes long to open', () => {
  assert.equal(inPieces(Array.from({ length: 1_000 }, () => 0)).length, 50);
});

import assert from 'node:assert/strict';
import { closeSync, openSync } from 'node:fs';
import { test } from 'node:test';
import fc from 'fast-check';
import { ceilingOf, descriptorLimit, openDescriptors } from '../../src/app/ceiling.ts';

const rows: Record<string, { limit: number; open: number; frontends: number; forFlows: number }> = {
  'the usual limit': { limit: 1_024, open: 24, frontends: 10, forFlows: 1_024 - 24 - 10 - 64 },
  'a large limit: the slack has an end': { limit: 1_048_576, open: 24, frontends: 10, forFlows: 1_048_576 - 24 - 138 },
  'a small limit: there is always some slack': { limit: 64, open: 24, frontends: 2, forFlows: 64 - 24 - 2 - 8 },
  'more frontends than descriptors': { limit: 64, open: 24, frontends: 100, forFlows: 0 },
};

for (const [name, { limit, open, frontends, forFlows }] of Object.entries(rows)) {
  test(name, () => assert.equal(ceilingOf(limit, open, frontends).forFlows, forFlows));
}

test('what is reserved and what is for flows is all there is', () => {
  const number = fc.nat(2 ** 21);
  fc.assert(
    fc.property(number, fc.nat(1_000), fc.nat(10_000), (limit, open, frontends) => {
      const { descriptors, reserved, forFlows, mostWaiting } = ceilingOf(limit, open, frontends);
      assert.equal(descriptors, limit);
      assert.equal(reserved + forFlows, limit);
      assert.ok(forFlows >= 0 && mostWaiting > 0 && mostWaiting <= 64);
      if (forFlows > 0) assert.ok(mostWaiting < reserved - open - frontends, 'those who wait fit into the reserve');
    }),
  );
});

test('the limit of this process is a number', () => {
  const limit = descriptorLimit();
  assert.ok(Number.isSafeInteger(limit) && limit >= openDescriptors(), `${limit}`);
});

test('an open file is counted', () => {
  // Node.js itself may close one meanwhile.
  const before = openDescriptors();
  const descriptors = Array.from({ length: 100 }, () => openSync('/dev/null', 'r'));
  try {
    assert.ok(openDescriptors() >= before + 90);
  } finally {
    for (const descriptor of descriptors) closeSync(descriptor);
  }
});

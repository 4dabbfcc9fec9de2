import assert from 'node:assert/strict';
import { test } from 'node:test';
import { DescriptorBudget } from '../../src/relay/descriptors.ts';
import { type BufferSizes, UdpShared } from '../../src/relay/udp-shared.ts';
import { FakeClock } from '../support/fake-clock.ts';

function sharedThatTells(told: BufferSizes[]): UdpShared {
  return new UdpShared({
    clock: new FakeClock(),
    descriptors: new DescriptorBudget({ limit: 1, mostWaiting: 0 }),
    maxSessions: 1,
    maxSessionsPerClient: 1,
    receiveBufferBytes: 1_000,
    sendBufferBytes: 2_000,
    buffersClamped: (granted) => told.push(granted),
  });
}

test('a buffer that is granted as asked for is not told, a smaller one once', () => {
  const told: BufferSizes[] = [];
  const shared = sharedThatTells(told);
  shared.granted({ receiveBytes: 1_000, sendBytes: 4_000 });
  assert.deepEqual(told, []);
  shared.granted({ receiveBytes: 1_000, sendBytes: 1_999 });
  shared.granted({ receiveBytes: 1, sendBytes: 1 });
  assert.deepEqual(told, [{ receiveBytes: 1_000, sendBytes: 1_999 }]);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { firstRelayPort, lastRelayPort, RelayPorts } from '../../src/vip/relay-ports.ts';

const spaceOf = (name: string) => name.slice(0, 1);
const namesArb = fc.uniqueArray(fc.stringMatching(/^[TU][a-z]{1,2}$/), { maxLength: 30 });

test('law: ports are in range, differ within a space, and stay', () => {
  fc.assert(
    fc.property(namesArb, namesArb, (first, second) => {
      const ports = new RelayPorts();
      const before = ports.assign(first, spaceOf);
      const after = ports.assign(second, spaceOf);
      assert.equal(after.size, second.length);
      assert.equal(new Set(Array.from(after, ([name, port]) => `${spaceOf(name)} ${port}`)).size, second.length);
      for (const [name, port] of after) {
        assert.ok(port >= firstRelayPort && port <= lastRelayPort);
        if (before.has(name)) assert.equal(port, before.get(name));
      }
    }),
  );
});

test('the next run gives the same ports, whatever the order, where names do not meet', () => {
  const names = ['Tweb', 'Tdns', 'Udns', 'Tapi'];
  assert.deepEqual(
    new Map([...new RelayPorts().assign([...names].reverse(), spaceOf)].sort()),
    new Map([...new RelayPorts().assign(names, spaceOf)].sort()),
  );
});

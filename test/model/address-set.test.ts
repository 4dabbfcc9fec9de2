import assert from 'node:assert/strict';
import { test } from 'node:test';
import { AddressSet } from '../../src/model/address-set.ts';

const rows: readonly [set: readonly string[], inside: readonly string[], outside: readonly string[]][] = [
  [['10.0.0.0/8'], ['10.0.0.0', '10.255.255.255'], ['11.0.0.0', '::ffff:a00:1', '']],
  [
    ['192.0.2.1', '2001:db8::1'],
    ['192.0.2.1', '2001:db8::1'],
    ['192.0.2.2', '2001:db8::2'],
  ],
  [['0.0.0.0/0'], ['0.0.0.0', '255.255.255.255'], ['::1', '']],
  [['::/0'], ['::', 'fd00::1'], ['10.0.0.1', '0.0.0.0', '']],
  [['fd00::/64'], ['fd00::ffff'], ['fd00:0:0:1::']],
  [[], [], ['10.0.0.1', '::1', '']],
];

for (const [set, inside, outside] of rows) {
  test(`the addresses in ${JSON.stringify(set)}`, () => {
    const addresses = new AddressSet(set);
    for (const address of inside) assert.equal(addresses.has(address), true, address);
    for (const address of outside) assert.equal(addresses.has(address), false, address);
  });
}

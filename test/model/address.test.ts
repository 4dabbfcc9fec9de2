import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { familyOf, formatAddressPort, isPort, parseAddressPort, parseIp } from '../../src/model/address.ts';
import { ip } from '../support/model.ts';

const canonical: Record<string, string | undefined> = {
  '127.0.0.1': '127.0.0.1',
  '255.255.255.255': '255.255.255.255',
  '::1': '::1',
  '0:0:0:0:0:0:0:1': '::1',
  '2001:DB8::0001': '2001:db8::1',
  '2001:db8:0:0:1:0:0:1': '2001:db8::1:0:0:1',
  '::': '::',
  '::ffff:10.1.2.3': '::ffff:a01:203',
  '64:ff9b::192.0.2.1': '64:ff9b::c000:201',
  '1:2:3:4:5:6:0.0.0.8': '1:2:3:4:5:6:0:8',
  'fe80::1%eth0': undefined,
  '127.1': undefined,
  '127.0.0.01': undefined,
  '256.0.0.1': undefined,
  '127.0.0.1:80': undefined,
  '[::1]': undefined,
  ':::': undefined,
  localhost: undefined,
  '': undefined,
  ' 127.0.0.1': undefined,
};

for (const [text, expected] of Object.entries(canonical)) {
  test(`the address "${text}" is ${expected ?? 'none'}`, () => assert.equal(parseIp(text), expected));
}

test('every way to write an IPv6 address gives the same text', () => {
  const group = fc.integer({ min: 0, max: 0xffff });
  fc.assert(
    fc.property(fc.array(group, { minLength: 8, maxLength: 8 }), (groups) => {
      const plain = parseIp(groups.map((value) => value.toString(16)).join(':'));
      const padded = parseIp(groups.map((value) => value.toString(16).toUpperCase().padStart(4, '0')).join(':'));
      assert.ok(plain !== undefined);
      assert.equal(padded, plain);
      assert.equal(parseIp(plain), plain);
      assert.equal(familyOf(plain), 'IPv6');
    }),
  );
});

test('every IPv4 address is its own text', () => {
  fc.assert(
    fc.property(fc.ipV4(), (text) => {
      const address = parseIp(text);
      assert.equal(address, text);
      assert.equal(familyOf(ip(text)), 'IPv4');
    }),
  );
});

const ports: Record<string, { value: number; ok: boolean }> = {
  'the first': { value: 1, ok: true },
  'the last': { value: 65_535, ok: true },
  'zero, which the kernel would choose': { value: 0, ok: false },
  'one too many': { value: 65_536, ok: false },
  'a fraction': { value: 80.5, ok: false },
  'a negative one': { value: -1, ok: false },
  'no number': { value: Number.NaN, ok: false },
};

for (const [name, { value, ok }] of Object.entries(ports)) {
  test(`a port: ${name}`, () => assert.equal(isPort(value), ok));
}

const pairs: Record<string, { address: string; port?: number } | undefined> = {
  '127.0.0.1:80': { address: '127.0.0.1', port: 80 },
  '[::1]:80': { address: '::1', port: 80 },
  '[0:0:0:0:0:0:0:1]:65535': { address: '::1', port: 65_535 },
  '127.0.0.1': { address: '127.0.0.1' },
  '::1': { address: '::1' },
  '[::1]': { address: '::1' },
  '[::1]:0': undefined,
  '127.0.0.1:0': undefined,
  '127.0.0.1:65536': undefined,
  '127.0.0.1:': undefined,
  '127.0.0.1:http': undefined,
  '127.0.0.1:123456': undefined,
  '[::1': undefined,
  '[fe80::1%eth0]:80': undefined,
  'web:80': undefined,
  ':80': undefined,
  '': undefined,
};

for (const [text, expected] of Object.entries(pairs)) {
  test(`"${text}" is ${expected === undefined ? 'no address' : JSON.stringify(expected)}`, () =>
    assert.deepEqual(parseAddressPort(text), expected));
}

test('what is formatted is parsed again', () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), fc.integer({ min: 1, max: 65_535 }), (text, port) => {
      const address = ip(text);
      assert.deepEqual(parseAddressPort(formatAddressPort(address, port)), { address, port });
    }),
  );
});

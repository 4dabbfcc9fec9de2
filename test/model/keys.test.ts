import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { endpointKey, frontendKey, serviceKey, servicePortKey } from '../../src/model/keys.ts';
import { ip } from '../support/model.ts';

test('keys as they are written', () => {
  const service = serviceKey('default', 'web');
  assert.equal(service, 'default/web');
  assert.equal(servicePortKey(service, 'http', 'TCP', 'IPv4'), 'default/web:http/TCP/IPv4');
  assert.equal(servicePortKey(service, '', 'UDP', 'IPv6'), 'default/web:/UDP/IPv6');
  assert.equal(frontendKey('TCP', ip('10.96.0.1'), 80), '10.96.0.1:80/TCP');
  assert.equal(frontendKey('UDP', ip('2001:DB8::1'), 53), '[2001:db8::1]:53/UDP');
  assert.equal(endpointKey(ip('172.17.0.3'), 8080), '172.17.0.3:8080');
  assert.equal(endpointKey(ip('::1'), 8080), '[::1]:8080');
});

const parts = fc.record({
  protocol: fc.constantFrom('TCP' as const, 'UDP' as const),
  address: fc.oneof(fc.ipV4(), fc.ipV6()).map(ip),
  port: fc.integer({ min: 1, max: 65_535 }),
});

test('two frontends have the same key only if they are the same', () => {
  fc.assert(
    fc.property(parts, parts, (one, other) => {
      const same = one.protocol === other.protocol && one.address === other.address && one.port === other.port;
      const keyOf = ({ protocol, address, port }: typeof one) => frontendKey(protocol, address, port);
      assert.equal(keyOf(one) === keyOf(other), same);
    }),
  );
});

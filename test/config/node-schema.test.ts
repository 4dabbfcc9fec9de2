import assert from 'node:assert/strict';
import { test } from 'node:test';
import { formatProblem } from '../../src/base/errors.ts';
import { parseConfig } from '../../src/config/load.ts';

function load(text: string) {
  const result = parseConfig(text, 'c.yaml');
  return result.kind === 'ok' ? result.config : result.problems.map(formatProblem).join('\n');
}

test('the node, as a configuration describes it', () => {
  const config = load(`
node: { name: node-a, zone: zone-1, addresses: [192.0.2.1, "2001:DB8::0:1"], podCIDRs: [10.244.1.7/24] }
nodePortAddresses: [192.0.2.0/24, "2001:db8::/32"]
serviceProxyName: sluice
health: { listen: 0.0.0.0:10256 }
`);
  assert.ok(typeof config !== 'string', String(config));
  assert.deepEqual(config.node, {
    name: 'node-a',
    zone: 'zone-1',
    addresses: ['192.0.2.1', '2001:db8::1'],
    podCidrs: ['10.244.1.0/24'],
    nodePortAddresses: ['192.0.2.0/24', '2001:db8::/32'],
  });
  assert.equal(config.serviceProxyName, 'sluice');
  assert.deepEqual(config.health, { listen: { kind: 'tcp', address: '0.0.0.0', port: 10_256 } });
});

test('node ports on the primary addresses, as kube-proxy has it', () => {
  for (const knows of ['node: { addresses: [192.0.2.1] }', 'feeds: [{ kubernetes: { nodeName: $NODE_NAME } }]']) {
    const config = load(`nodePortAddresses: [primary]\n${knows}`);
    assert.ok(typeof config !== 'string', String(config));
    assert.equal(config.node.nodePortAddresses, 'primary');
  }
});

const wrong: readonly (readonly [name: string, text: string, says: RegExp])[] = [
  ['an address for a network', 'nodePortAddresses: [192.0.2.1]', /"192.0.2.1" is not a network; .* 192.0.2.1\/32/],
  ['an IPv6 address for a network', 'node: { podCIDRs: ["::1"] }', /write it like ::1\/128/],
  ['a network with too many bits', 'nodePortAddresses: [10.0.0.0/33]', /write it like 10.0.0.0\/8 or fd00::\/8/],
  ['primary and a network', 'nodePortAddresses: [primary, 10.0.0.0/8]', /primary stands alone/],
  ['primary of no node', 'nodePortAddresses: [primary]', /c.yaml:1:21: .*primary of which node\?/],
  ['primary of no node', 'nodePortAddresses: [primary]\nfeeds: [{ kubernetes: {} }]', /primary of which node\?/],
  ['a wildcard among the addresses', 'node: { addresses: [0.0.0.0] }', /wildcard/],
  ['an unknown key', 'node: { nam: x }', /unknown key "nam"/],
];
for (const [name, text, says] of wrong) test(`wrong: ${name}`, () => assert.match(String(load(text)), says));

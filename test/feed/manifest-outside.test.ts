import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readManifests } from '../../src/feed/manifests.ts';

type Part = Readonly<Record<string, unknown>>;

function faultsOf(spec: Part, ingress: readonly Part[] = []): string[] {
  const [manifest] = readManifests({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web' },
    spec: { type: 'LoadBalancer', clusterIP: '10.96.0.1', ports: [{ port: 80 }], ...spec },
    status: { loadBalancer: { ingress } },
  });
  if (manifest?.kind !== 'invalid') return [];
  return manifest.faults.map(({ path, message }) => `${path.join('.')}: ${message}`);
}

const wrong: readonly (readonly [name: string, spec: Part, ingress: readonly Part[], says: RegExp])[] = [
  [
    'a range that is none',
    { loadBalancerSourceRanges: ['10.0.0.0/8', 'x'] },
    [],
    /^spec\.loadBalancerSourceRanges\.1: .*"x" is not a network/,
  ],
  ['a range with too many bits', { loadBalancerSourceRanges: ['10.0.0.0/33'] }, [], /is not a network/],
  ['an empty range, which must not let everybody in', { loadBalancerSourceRanges: [''] }, [], /"" is not a network/],
  [
    'a bare address for a range',
    { loadBalancerSourceRanges: ['10.0.0.1'] },
    [],
    /is not a network; write it like 10\.0\.0\.0\/8/,
  ],
  [
    'an external IP that is none',
    { externalIPs: ['x'] },
    [],
    /^spec\.externalIPs\.0: .*"x" cannot be a VIP: it is not an IP/,
  ],
  ['an external IP for many', { externalIPs: ['224.0.0.1'] }, [], /multicast/],
  [
    'an ingress IP that is none, at its place',
    {},
    [{ hostname: 'a.example' }, { ip: 'y', ipMode: 'Proxy' }, { ip: 'x' }],
    /^status\.loadBalancer\.ingress\.2: .*"x" cannot be a VIP/,
  ],
  ['a node port that is no port', { ports: [{ port: 80, nodePort: 70_000 }] }, [], /70000 is not a port/],
  ['a policy of another name', { externalTrafficPolicy: 'local' }, [], /found "local"; write Cluster or Local/],
];
for (const [name, spec, ingress, says] of wrong) {
  test(`a Service is skipped, and the reason told: ${name}`, () => {
    const faults = faultsOf(spec, ingress);
    assert.equal(faults.length, 1);
    assert.match(faults[0] ?? '', says);
  });
}

test('ranges of a service that is no LoadBalancer are not looked at', () => {
  assert.deepEqual(faultsOf({ type: 'ClusterIP', loadBalancerSourceRanges: ['x'] }), []);
});

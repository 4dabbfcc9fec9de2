import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ManifestOptions } from '../../src/feed/manifests.ts';
import type { NodeView } from '../../src/model/node.ts';
import { ip } from '../support/model.ts';
import { build, frontendAt, frontendsOf, node, serviceYaml, sliceYaml, snapshotOf } from './world.ts';

const port = 'ports: [{ port: 80 }]';
const one = `clusterIP: 10.96.0.1, ${port}`;
const dual = `clusterIPs: [10.96.0.1, "fd00::1"], ${port}`;
const nodePort = 'ports: [{ port: 80, nodePort: 30080 }]';
const balancer = (ingress: string) => `loadBalancer: { ingress: [${ingress}] }`;

interface Row {
  readonly yaml: string;
  readonly node?: Partial<NodeView>;
  readonly options?: ManifestOptions;
  readonly gets: readonly string[];
}

const rows: Readonly<Record<string, Row>> = {
  'ClusterIP: its address': { yaml: serviceYaml(one), gets: ['cluster cluster 10.96.0.1:80/TCP'] },
  'ClusterIP: dual stack, one per family': {
    yaml: serviceYaml(dual),
    gets: ['cluster cluster 10.96.0.1:80/TCP', 'cluster cluster [fd00::1]:80/TCP'],
  },
  'ClusterIP: the same port for TCP and UDP': {
    yaml: serviceYaml('clusterIP: 10.96.0.1, ports: [{ name: a, port: 53 }, { name: b, port: 53, protocol: UDP }]'),
    gets: ['cluster cluster 10.96.0.1:53/TCP', 'cluster cluster 10.96.0.1:53/UDP'],
  },
  'ClusterIP: several ports': {
    yaml: serviceYaml('clusterIP: 10.96.0.1, ports: [{ name: a, port: 80 }, { name: b, port: 443 }]'),
    gets: ['cluster cluster 10.96.0.1:443/TCP', 'cluster cluster 10.96.0.1:80/TCP'],
  },
  'ClusterIP: internalTrafficPolicy Local': {
    yaml: serviceYaml(`internalTrafficPolicy: Local, ${one}`),
    gets: ['cluster local 10.96.0.1:80/TCP'],
  },
  'ClusterIP: externalTrafficPolicy says nothing about it': {
    yaml: serviceYaml(`type: NodePort, externalTrafficPolicy: Local, ${one}`),
    gets: ['cluster cluster 10.96.0.1:80/TCP'],
  },
  'ClusterIP: a node port that was left over does not count': {
    yaml: serviceYaml(`type: ClusterIP, clusterIP: 10.96.0.1, ${nodePort}`),
    gets: ['cluster cluster 10.96.0.1:80/TCP'],
  },
  'NodePort: every address of the node, of the families of the service': {
    yaml: serviceYaml(`type: NodePort, clusterIP: 10.96.0.1, ${nodePort}`),
    gets: [
      'cluster cluster 10.96.0.1:80/TCP',
      'node-port cluster 127.0.0.1:30080/TCP',
      'node-port cluster 192.0.2.10:30080/TCP',
      'node-port cluster 198.51.100.10:30080/TCP',
    ],
  },
  'NodePort: IPv6, without ::1 and link-local': {
    yaml: serviceYaml(`type: NodePort, clusterIP: "fd00::1", ${nodePort}`),
    node: { addresses: ['::1', 'fe80::10', 'febf::1', '2001:db8::10', '192.0.2.10'].map(ip) },
    gets: ['cluster cluster [fd00::1]:80/TCP', 'node-port cluster [2001:db8::10]:30080/TCP'],
  },
  'NodePort: nodePortAddresses': {
    yaml: serviceYaml(`type: NodePort, clusterIPs: [10.96.0.1, "fd00::1"], ${nodePort}`),
    node: { nodePortAddresses: ['192.0.2.0/24', '::1/128'] },
    gets: [
      'cluster cluster 10.96.0.1:80/TCP',
      'cluster cluster [fd00::1]:80/TCP',
      'node-port cluster 192.0.2.10:30080/TCP',
      'node-port cluster [::1]:30080/TCP',
    ],
  },
  'NodePort: both protocols': {
    yaml: serviceYaml(
      'type: NodePort, clusterIP: 10.96.0.1, ports: [{ name: a, port: 53, nodePort: 30053 }, { name: b, port: 53, protocol: UDP, nodePort: 30053 }]',
    ),
    node: { nodePortAddresses: ['192.0.2.0/24'] },
    gets: [
      'cluster cluster 10.96.0.1:53/TCP',
      'cluster cluster 10.96.0.1:53/UDP',
      'node-port cluster 192.0.2.10:30053/TCP',
      'node-port cluster 192.0.2.10:30053/UDP',
    ],
  },
  'NodePort: 0 is none': {
    yaml: serviceYaml('type: NodePort, clusterIP: 10.96.0.1, ports: [{ port: 80, nodePort: 0 }]'),
    gets: ['cluster cluster 10.96.0.1:80/TCP'],
  },
  'NodePort: a cluster IP that is on an interface is not the node': {
    yaml: serviceYaml(`type: NodePort, clusterIP: 10.96.0.1, ${nodePort}`),
    node: { addresses: ['192.0.2.10', '10.96.0.1'].map(ip) },
    gets: ['cluster cluster 10.96.0.1:80/TCP', 'node-port cluster 192.0.2.10:30080/TCP'],
  },
  'NodePort: externalTrafficPolicy Local': {
    yaml: serviceYaml(`type: NodePort, externalTrafficPolicy: Local, clusterIP: 10.96.0.1, ${nodePort}`),
    node: { nodePortAddresses: ['192.0.2.0/24'] },
    gets: ['cluster cluster 10.96.0.1:80/TCP', 'node-port local 192.0.2.10:30080/TCP'],
  },
  'externalIPs: every one, all ports': {
    yaml: serviceYaml(
      'externalIPs: [203.0.113.1, 203.0.113.2], clusterIP: 10.96.0.1, ports: [{ name: a, port: 80 }, { name: b, port: 53, protocol: UDP }]',
    ),
    gets: [
      'cluster cluster 10.96.0.1:80/TCP',
      'cluster cluster 10.96.0.1:53/UDP',
      'external cluster 203.0.113.1:80/TCP',
      'external cluster 203.0.113.2:80/TCP',
      'external cluster 203.0.113.1:53/UDP',
      'external cluster 203.0.113.2:53/UDP',
    ],
  },
  'externalIPs: not of a family that the service has not': {
    yaml: serviceYaml(`externalIPs: ["2001:db8::1"], ${one}`),
    gets: ['cluster cluster 10.96.0.1:80/TCP'],
  },
  'externalIPs: externalTrafficPolicy Local': {
    yaml: serviceYaml(`externalTrafficPolicy: Local, externalIPs: [203.0.113.1], ${one}`),
    gets: ['cluster cluster 10.96.0.1:80/TCP', 'external local 203.0.113.1:80/TCP'],
  },
  'LoadBalancer: every ingress IP, unless its ipMode is Proxy': {
    yaml: serviceYaml(`type: LoadBalancer, ${one}`, {
      status: balancer(
        '{ ip: 203.0.113.1 }, { ip: 203.0.113.2, ipMode: VIP }, { ip: 203.0.113.3, ipMode: Proxy }, { hostname: a.example }',
      ),
    }),
    gets: [
      'cluster cluster 10.96.0.1:80/TCP',
      'load-balancer cluster 203.0.113.1:80/TCP',
      'load-balancer cluster 203.0.113.2:80/TCP',
    ],
  },
  'LoadBalancer: externalTrafficPolicy Local': {
    yaml: serviceYaml(`type: LoadBalancer, externalTrafficPolicy: Local, ${one}`, {
      status: balancer('{ ip: 203.0.113.1 }'),
    }),
    gets: ['cluster cluster 10.96.0.1:80/TCP', 'load-balancer local 203.0.113.1:80/TCP'],
  },
  'LoadBalancer: an old status of another type does not count': {
    yaml: serviceYaml(`type: ClusterIP, ${one}`, { status: balancer('{ ip: 203.0.113.1 }') }),
    gets: ['cluster cluster 10.96.0.1:80/TCP'],
  },
  'one address of two kinds is served once': {
    yaml: serviceYaml(`type: LoadBalancer, externalIPs: [203.0.113.1], ${one}`, {
      status: balancer('{ ip: 203.0.113.1 }'),
    }),
    gets: ['cluster cluster 10.96.0.1:80/TCP', 'external cluster 203.0.113.1:80/TCP'],
  },
  'ExternalName: not proxied': {
    yaml: serviceYaml('type: ExternalName, externalName: a.example, externalIPs: [203.0.113.1]'),
    gets: [],
  },
  'headless: not proxied': { yaml: serviceYaml(`clusterIP: None, ${port}`), gets: [] },
  'without a cluster IP yet: not proxied': { yaml: serviceYaml(`clusterIP: "", ${port}`), gets: [] },
  'label headless: not ours': {
    yaml: serviceYaml(one, { labels: 'service.kubernetes.io/headless: ""' }),
    gets: [],
  },
  'label service-proxy-name: not ours': {
    yaml: serviceYaml(one, { labels: 'service.kubernetes.io/service-proxy-name: other' }),
    gets: [],
  },
  'label service-proxy-name, another than ours: not ours': {
    yaml: serviceYaml(one, { labels: 'service.kubernetes.io/service-proxy-name: other' }),
    options: { proxyName: 'sluice' },
    gets: [],
  },
  'label service-proxy-name, ours: ours': {
    yaml: serviceYaml(one, { labels: 'service.kubernetes.io/service-proxy-name: sluice' }),
    options: { proxyName: 'sluice' },
    gets: ['cluster cluster 10.96.0.1:80/TCP'],
  },
};

for (const [name, { yaml, node: over = {}, options, gets }] of Object.entries(rows))
  test(name, () => assert.deepEqual(frontendsOf(snapshotOf(yaml, { ...node, ...over }, options)), [...gets].sort()));

const labelled = `service.kubernetes.io/service-proxy-name: other`;
test('label service-proxy-name: slices', () => {
  const yaml = serviceYaml(one) + sliceYaml(['{ addresses: [10.0.0.1] }'], { labels: labelled });
  const endpoints = (options?: ManifestOptions) =>
    frontendAt(snapshotOf(yaml, node, options), '10.96.0.1:80/TCP').servicePort.endpoints.length;
  assert.equal(endpoints(), 0);
  assert.equal(endpoints({ proxyName: 'other' }), 1);
});

const ranges = (list: string, spec = one, ingress = '{ ip: 203.0.113.1 }, { ip: "2001:db8:1::1" }') =>
  serviceYaml(`type: LoadBalancer, loadBalancerSourceRanges: [${list}], externalIPs: [203.0.113.9], ${spec}`, {
    status: balancer(ingress),
  });

const sourceRows: readonly (readonly [name: string, yaml: string, at: string, clients: Record<string, boolean>])[] = [
  [
    'source ranges: the load-balancer IP lets in those inside',
    ranges('192.0.2.0/28, " 10.1.0.0/16 "'),
    '203.0.113.1:80/TCP',
    { '192.0.2.1': true, '192.0.2.16': false, '10.1.2.3': true, '10.2.0.1': false, '127.0.0.1': false },
  ],
  ['source ranges: not for the cluster IP', ranges('192.0.2.0/28'), '10.96.0.1:80/TCP', { '198.51.100.1': true }],
  ['source ranges: not for external IPs', ranges('192.0.2.0/28'), '203.0.113.9:80/TCP', { '198.51.100.1': true }],
  [
    'source ranges: not for node ports',
    ranges('192.0.2.0/28', `clusterIP: 10.96.0.1, ${nodePort}`),
    '198.51.100.10:30080/TCP',
    { '203.0.113.77': true },
  ],
  ['source ranges: an empty list is none', ranges(''), '203.0.113.1:80/TCP', { '198.51.100.1': true }],
  [
    'source ranges: those of IPv4 say nothing about IPv6',
    ranges('192.0.2.0/28', dual),
    '[2001:db8:1::1]:80/TCP',
    { '2001:db8:9::9': true },
  ],
  [
    'source ranges: IPv6',
    ranges('"2001:db8:2::/48"', dual),
    '[2001:db8:1::1]:80/TCP',
    { '2001:db8:2::9': true, '2001:db8:3::9': false },
  ],
  [
    'source ranges: a node inside may come from the load-balancer IP itself',
    ranges('192.0.2.0/24'),
    '203.0.113.1:80/TCP',
    { '203.0.113.1': true },
  ],
  ['source ranges: a node outside may not', ranges('10.1.0.0/16'), '203.0.113.1:80/TCP', { '203.0.113.1': false }],
];
for (const [name, yaml, at, clients] of sourceRows) {
  test(name, () => {
    const { sources } = frontendAt(snapshotOf(yaml), at);
    const allowed = Object.keys(clients).map((client) => [client, sources?.has(client) ?? true]);
    assert.deepEqual(Object.fromEntries(allowed), clients);
  });
}

test('source ranges: equal ones of two services are two services: the second gets none of the first', () => {
  const yaml = ranges('192.0.2.0/28') + serviceYaml(`clusterIP: 10.96.0.2, ${port}`, { name: 'other' });
  assert.equal(frontendAt(snapshotOf(yaml), '10.96.0.2:80/TCP').sources, undefined);
});

test('a VIP:PORT that two services want is a problem, and the first has it', () => {
  const yaml =
    serviceYaml(`type: NodePort, clusterIP: 10.96.0.1, ${nodePort}`) +
    serviceYaml(`externalIPs: [192.0.2.10], clusterIP: 10.96.0.2, ports: [{ port: 30080 }]`, { name: 'other' });
  const { snapshot, problems } = build(yaml);
  assert.deepEqual(
    problems.map(({ code }) => code),
    ['TABLE_VIP_CONFLICT'],
  );
  assert.equal(frontendAt(snapshot, '192.0.2.10:30080/TCP').servicePort.name, 'web');
});

const healthRows: readonly (readonly [name: string, spec: string, expected: number | undefined])[] = [
  ['LoadBalancer and Local', 'type: LoadBalancer, externalTrafficPolicy: Local, healthCheckNodePort: 32000', 32_000],
  ['LoadBalancer and Cluster', 'type: LoadBalancer, healthCheckNodePort: 32000', undefined],
  ['NodePort and Local', 'type: NodePort, externalTrafficPolicy: Local, healthCheckNodePort: 32000', undefined],
  ['0 is none', 'type: LoadBalancer, externalTrafficPolicy: Local, healthCheckNodePort: 0', undefined],
];
for (const [name, spec, expected] of healthRows) {
  test(`healthCheckNodePort: ${name}`, () => {
    const [check] = snapshotOf(serviceYaml(`${spec}, ${one}`)).healthChecks.values();
    assert.equal(check?.port, expected);
  });
}

test('healthCheckNodePort: counts the ready endpoints here by their address', () => {
  const here = 'nodeName: node-a';
  const yaml =
    serviceYaml(
      'type: LoadBalancer, externalTrafficPolicy: Local, healthCheckNodePort: 32000, clusterIP: 10.96.0.1, ports: [{ name: a, port: 80 }, { name: b, port: 81 }]',
    ) +
    sliceYaml(
      [
        `{ addresses: [10.0.0.1], ${here} }`,
        `{ addresses: [10.0.0.2], ${here} }`,
        `{ addresses: [10.0.0.3], nodeName: node-b }`,
        `{ addresses: [10.0.0.4], ${here}, conditions: { ready: false } }`,
        `{ addresses: [10.0.0.5], ${here}, conditions: { ready: false, serving: true, terminating: true } }`,
      ],
      { ports: '{ name: a, port: 8080 }, { name: b, port: 8081 }' },
    );
  const [check] = snapshotOf(yaml).healthChecks.values();
  assert.deepEqual(check, {
    service: 'default/web',
    namespace: 'default',
    name: 'web',
    port: 32_000,
    localEndpoints: 2,
  });
});

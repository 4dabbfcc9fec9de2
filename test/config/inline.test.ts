import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parseConfig } from '../../src/config/load.ts';

function inline(service: string) {
  const result = parseConfig(`services: [${service}]`, 'c.yaml');
  if (result.kind === 'invalid') throw new Error(JSON.stringify(result.problems));
  return result.config.inline;
}

const plain = { ready: true, serving: true, terminating: false, weight: 1 };

test('the service of the issue', () => {
  const { services, slices } = inline(`{
    name: webserver, vip: 127.104.58.143, policy: leastConnections,
    sessionAffinity: { clientIP: { timeoutSeconds: 60 } },
    ports: [{ name: http, port: 8080, protocol: TCP, targetPort: 8000 }],
    backends: ["127.17.0.3", "127.17.0.4:8081", { address: 127.17.0.5, port: 8080, weight: 3 }] }`);
  assert.deepEqual(services, [
    {
      key: 'default/webserver',
      namespace: 'default',
      name: 'webserver',
      vips: ['127.104.58.143'],
      ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      affinityTimeoutMs: 60_000,
      settings: { policy: 'leastConnections' },
      crossFamily: true,
      meta: { targetPorts: { 'http/TCP': '8000' } },
    },
  ]);
  const slice = (index: number, port: number, endpoint: object) => ({
    name: `default/webserver#${index}`,
    service: 'default/webserver',
    family: 'IPv4',
    ports: [{ name: 'http', port, protocol: 'TCP' }],
    endpoints: [{ ...plain, ...endpoint }],
  });
  assert.deepEqual(slices, [
    slice(0, 8000, { address: '127.17.0.3' }),
    slice(1, 8081, { address: '127.17.0.4' }),
    slice(2, 8080, { address: '127.17.0.5', weight: 3 }),
  ]);
});

test('backends keep their order, and share a slice when they can', () => {
  const { slices } = inline(`{ name: a, vip: "::1", ports: [{ port: 80 }],
    backends: [10.0.0.1, "10.0.0.2", "::2", "[::3]:81", "10.0.0.3:81"] }`);
  assert.deepEqual(
    slices.map(({ family, ports, endpoints }) => [family, ports[0]?.port, endpoints.map(({ address }) => address)]),
    [
      ['IPv4', 80, ['10.0.0.1', '10.0.0.2']],
      ['IPv6', 80, ['::2']],
      ['IPv6', 81, ['::3']],
      ['IPv4', 81, ['10.0.0.3']],
    ],
  );
});

test('the details of a backend are kept', () => {
  const { slices } = inline(`{ name: a, vip: "::1", ports: [{ port: 80 }],
    backends: [{ address: 10.0.0.1, ready: false, node: n1, zone: z1, weight: 0 }] }`);
  const expected = {
    address: '10.0.0.1',
    ready: false,
    serving: false,
    terminating: false,
    weight: 0,
    nodeName: 'n1',
    zone: 'z1',
  };
  assert.deepEqual(slices[0]?.endpoints, [expected]);
});

test('a backend with a port serves every port of the service there', () => {
  const { slices } = inline(`{ name: dns, vip: 10.0.0.1, backends: ["10.0.0.2:5353", 10.0.0.3],
    ports: [{ name: t, port: 53 }, { name: u, port: 53, protocol: UDP, targetPort: 54 }] }`);
  assert.deepEqual(
    slices.map(({ ports }) => ports.map(({ port, protocol }) => `${port}/${protocol}`)),
    [
      ['5353/TCP', '5353/UDP'],
      ['53/TCP', '54/UDP'],
    ],
  );
});

test('only what a service says overrides the settings of the process', () => {
  const { services } = inline(`{ name: a, vips: [10.0.0.1, "::1"], namespace: n, ports: [{ port: 80 }],
    tcp: { idleTimeout: 5m }, udp: { oneway: true }, limits: { flowsPerService: 7 }, endpointDrainTimeout: 1s }`);
  assert.deepEqual(services[0]?.settings, {
    tcp: { idleTimeoutMs: 300_000 },
    udp: { oneway: true },
    maxFlowsPerService: 7,
    endpointDrainTimeoutMs: 1_000,
  });
  assert.deepEqual(services[0]?.vips, ['10.0.0.1', '::1']);
});

test('a service says what it wants of the PROXY protocol, and no more', () => {
  const settings = (proxyProtocol: string) =>
    inline(`{ name: a, vip: 10.0.0.1, ports: [{ port: 80 }], proxyProtocol: ${proxyProtocol} }`).services[0]?.settings;
  assert.deepEqual(settings('{ send: v2 }'), { tcp: { sendProxy: 'v2' } });
  assert.deepEqual(settings('{ send: off, accept: { from: [] } }'), { tcp: { sendProxy: 'off', acceptProxyFrom: [] } });
  assert.deepEqual(settings('{ accept: { fromUdp: [10.0.0.1] } }'), { udp: { acceptProxyFrom: ['10.0.0.1'] } });
  assert.deepEqual(settings('{ sendUdp: v2 }'), { udp: { sendProxy: 'v2' } });
  assert.deepEqual(settings('{}, clientAddress: keep'), {
    tcp: { clientAddress: 'keep' },
    udp: { clientAddress: 'keep' },
  });
  assert.deepEqual(settings('{}'), {});
  assert.deepEqual(settings('{ accept: { timeout: 1s } }'), { tcp: { proxyHeaderTimeoutMs: 1_000 } });
});

const affinities: readonly [string, number | undefined][] = [
  ['None', undefined],
  ['ClientIP', 10_800_000],
  ['{ clientIP: {} }', 10_800_000],
  ['{ clientIP: { timeoutSeconds: 1 } }', 1_000],
];
for (const [text, ms] of affinities) {
  test(`sessionAffinity: ${text} is ${ms} ms`, () => {
    const { services } = inline(`{ name: a, vip: 10.0.0.1, ports: [{ port: 80 }], sessionAffinity: ${text} }`);
    assert.equal(services[0]?.affinityTimeoutMs, ms);
  });
}

test('where clients from outside come, and which backends they get', () => {
  const { services } =
    inline(`{ name: a, vip: 10.0.0.1, externalIPs: [192.0.2.1], ports: [{ port: 80, nodePort: 30080 }],
    internalTrafficPolicy: Local, externalTrafficPolicy: Local, backends: [{ address: 10.1.0.1, node: node-a }] }`);
  const [service] = services;
  assert.deepEqual(service?.externalIps, ['192.0.2.1']);
  assert.deepEqual(service?.ports, [{ name: '', port: 80, protocol: 'TCP', nodePort: 30_080 }]);
  assert.deepEqual([service?.internalTrafficPolicy, service?.externalTrafficPolicy], ['Local', 'Local']);
});

test('policies that are the default say nothing', () => {
  const { services } = inline(`{ name: a, vip: 10.0.0.1, externalIPs: [], ports: [{ port: 80 }],
    internalTrafficPolicy: Cluster, externalTrafficPolicy: Cluster }`);
  assert.deepEqual(
    Object.keys(services[0] ?? {}).filter((key) => /Traffic|external/.test(key)),
    [],
  );
});

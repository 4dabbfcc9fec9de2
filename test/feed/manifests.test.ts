import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatPath } from '../../src/config/path.ts';
import type { Manifest } from '../../src/feed/manifests.ts';
import { isManifest, readManifests } from '../../src/feed/manifests.ts';
import type { Service } from '../../src/model/service.ts';

type Part = Readonly<Record<string, unknown>>;

const serviceObject = (spec: Part, metadata: Part = {}) => ({
  apiVersion: 'v1',
  kind: 'Service',
  metadata: { name: 'web', ...metadata },
  spec: { clusterIP: '10.96.0.1', ports: [{ port: 80 }], ...spec },
});
const sliceObject = (over: Part, metadata: Part = {}) => ({
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  metadata: { name: 'web-1', labels: { 'kubernetes.io/service-name': 'web' }, ...metadata },
  addressType: 'IPv4',
  ports: [{ name: 'http', port: 8080 }],
  endpoints: [{ addresses: ['10.0.0.1'] }],
  ...over,
});

function only(value: unknown): Manifest {
  const [manifest, ...others] = readManifests(value);
  assert.ok(manifest);
  assert.equal(others.length, 0);
  return manifest;
}

function serviceOf(spec: Part, metadata: Part = {}) {
  const manifest = only(serviceObject(spec, metadata));
  if (manifest.kind !== 'service') throw new Error(JSON.stringify(manifest));
  return manifest.service;
}

function sliceOf(over: Part) {
  const manifest = only(sliceObject(over));
  if (manifest.kind !== 'slice') throw new Error(JSON.stringify(manifest));
  return manifest.slice;
}

test('the service that kubectl expose makes', () => {
  const service = serviceOf(
    {
      type: 'ClusterIP',
      clusterIP: '10.104.58.143',
      clusterIPs: ['10.104.58.143'],
      internalTrafficPolicy: 'Cluster',
      ipFamilies: ['IPv4'],
      selector: { run: 'webserver' },
      ports: [{ port: 80, protocol: 'TCP', targetPort: 8080 }],
      sessionAffinity: 'None',
    },
    { name: 'webserver', namespace: 'default', creationTimestamp: null, uid: 'x', annotations: { 'other.io/x': 'y' } },
  );
  assert.deepEqual(service, {
    key: 'default/webserver',
    namespace: 'default',
    name: 'webserver',
    vips: ['10.104.58.143'],
    ports: [{ name: '', port: 80, protocol: 'TCP' }],
    settings: {},
    crossFamily: false,
    meta: {
      annotations: { 'other.io/x': 'y' },
      selector: { run: 'webserver' },
      type: 'ClusterIP',
      targetPorts: { '/TCP': '8080' },
    },
  });
});

const vips: readonly [string, Part, readonly string[]][] = [
  ['clusterIP alone', { clusterIP: '10.0.0.1' }, ['10.0.0.1']],
  [
    'clusterIPs of both families',
    { clusterIP: '10.0.0.1', clusterIPs: ['10.0.0.1', 'FD00::0:1'] },
    ['10.0.0.1', 'fd00::1'],
  ],
  ['empty clusterIPs', { clusterIP: '10.0.0.1', clusterIPs: [] }, ['10.0.0.1']],
  ['null clusterIPs', { clusterIP: '10.0.0.1', clusterIPs: null }, ['10.0.0.1']],
  ['one twice', { clusterIPs: ['10.0.0.1', '10.0.0.1'] }, ['10.0.0.1']],
];
for (const [name, spec, expected] of vips)
  test(`VIPs: ${name}`, () => assert.deepEqual(serviceOf(spec).vips, expected));

const notOurs: readonly [string, unknown][] = [
  ['headless by label', serviceObject({}, { labels: { 'service.kubernetes.io/headless': '' } })],
  ["another proxy's", serviceObject({}, { labels: { 'service.kubernetes.io/service-proxy-name': 'other' } })],
  ["another proxy's slice", sliceObject({}, { labels: { 'service.kubernetes.io/service-proxy-name': 'other' } })],
  ['a slice of names', sliceObject({ addressType: 'FQDN', endpoints: [{ addresses: ['a.example'] }] })],
];
for (const [name, value] of notOurs) test(`not proxied: ${name}`, () => assert.equal(only(value).kind, 'not-proxied'));

const shown: readonly [string, Part, Service['notProxied']][] = [
  ['headless', { clusterIP: 'None' }, 'headless'],
  ['headless, with a list', { clusterIP: 'None', clusterIPs: ['None'] }, 'headless'],
  ['headless, with external IPs', { clusterIP: 'None', externalIPs: ['not an IP'] }, 'headless'],
  ['without a cluster IP yet', { clusterIP: '' }, 'no-cluster-ip'],
  ['ExternalName', { type: 'ExternalName', clusterIP: undefined, ports: undefined }, 'external-name'],
  ['ExternalName with a cluster IP left over', { type: 'ExternalName', clusterIP: '10.0.0.1' }, 'external-name'],
];
for (const [name, spec, reason] of shown)
  test(`not proxied, and shown: ${name}`, () => {
    const { vips, notProxied } = serviceOf(spec);
    assert.deepEqual([vips, notProxied], [[], reason]);
  });

const affinities: readonly [string, Part, number | undefined][] = [
  ['none', {}, undefined],
  ['None', { sessionAffinity: 'None', sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } } }, undefined],
  ['ClientIP', { sessionAffinity: 'ClientIP' }, 10_800_000],
  [
    'ClientIP with a time',
    { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: { timeoutSeconds: 5 } } },
    5_000,
  ],
  ['ClientIP with null', { sessionAffinity: 'ClientIP', sessionAffinityConfig: { clientIP: null } }, 10_800_000],
];
for (const [name, spec, ms] of affinities)
  test(`session affinity: ${name}`, () => assert.equal(serviceOf(spec).affinityTimeoutMs, ms));

test('SCTP ports are left out', () => {
  const ports = [
    { name: 'a', port: 1, protocol: 'SCTP' },
    { name: 'b', port: 2, protocol: 'UDP' },
  ];
  assert.deepEqual(serviceOf({ ports }).ports, [{ name: 'b', port: 2, protocol: 'UDP' }]);
  assert.deepEqual(sliceOf({ ports }).ports, [{ name: 'b', port: 2, protocol: 'UDP' }]);
});

test('annotations choose the policy, oneway and the PROXY protocol', () => {
  const annotations = { 'sluice/policy': 'maglev', 'sluice/udp-oneway': 'true', 'sluice/proxy-protocol': 'v2' };
  assert.deepEqual(serviceOf({}, { annotations }).settings, {
    policy: 'maglev',
    tcp: { sendProxy: 'v2' },
    udp: { oneway: true },
  });
});

test('an annotation tells endpoints of UDP ports who the client is', () => {
  const annotations = { 'sluice/proxy-protocol-udp': 'v2' };
  assert.deepEqual(serviceOf({}, { annotations }).settings, { udp: { sendProxy: 'v2' } });
});

test('an annotation has endpoints of all ports see the client itself', () => {
  const annotations = { 'sluice/client-address': 'keep', 'sluice/proxy-protocol': 'v1' };
  assert.deepEqual(serviceOf({}, { annotations }).settings, {
    tcp: { sendProxy: 'v1', clientAddress: 'keep' },
    udp: { clientAddress: 'keep' },
  });
});

const plain = { address: '10.0.0.1', ready: true, serving: true, terminating: false, weight: 1 };
const endpoints: readonly [string, Part, Part][] = [
  ['nothing said', {}, plain],
  ['null conditions', { conditions: null, nodeName: null, zone: null }, plain],
  ['not ready', { conditions: { ready: false } }, { ...plain, ready: false }],
  [
    'terminating',
    { conditions: { ready: false, serving: true, terminating: true } },
    { ...plain, ready: false, terminating: true },
  ],
  [
    'not serving',
    { conditions: { ready: false, serving: false, terminating: true } },
    { ...plain, ready: false, serving: false, terminating: true },
  ],
  ['node and zone', { nodeName: 'n1', zone: 'z1' }, { ...plain, nodeName: 'n1', zone: 'z1' }],
  ['several addresses', { addresses: ['10.0.0.1', '10.0.0.2'] }, plain],
];
for (const [name, endpoint, expected] of endpoints)
  test(`endpoint: ${name}`, () =>
    assert.deepEqual(sliceOf({ endpoints: [{ addresses: ['10.0.0.1'], ...endpoint }] }).endpoints, [expected]));

test('a slice belongs to the service of its label and namespace', () => {
  const manifest = only(sliceObject({}, { namespace: 'shop' }));
  assert.ok(manifest.kind === 'slice');
  assert.equal(manifest.id, 'EndpointSlice shop/web-1');
  assert.equal(manifest.slice.name, 'shop/web-1');
  assert.equal(manifest.slice.service, 'shop/web');
  assert.equal(manifest.slice.family, 'IPv4');
});

test('ports without a number are ignored, names may be absent', () => {
  const { ports } = sliceOf({ ports: [{ name: 'all' }, { name: null, port: 1 }, { port: 2, protocol: 'UDP' }] });
  assert.deepEqual(ports, [
    { name: '', port: 1, protocol: 'TCP' },
    { name: '', port: 2, protocol: 'UDP' },
  ]);
});

test('a slice may have neither ports nor endpoints', () => {
  const { ports, endpoints: none } = sliceOf({ ports: null, endpoints: null });
  assert.deepEqual([ports, none], [[], []]);
});

test('a slice of IPv6', () => {
  const slice = sliceOf({ addressType: 'IPv6', endpoints: [{ addresses: ['FD00::0:1'] }] });
  assert.equal(slice.family, 'IPv6');
  assert.equal(slice.endpoints[0]?.address, 'fd00::1');
});

test('Endpoints become slices, one for each subset and family', () => {
  const manifest = only({
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name: 'web' },
    subsets: [
      {
        addresses: [{ ip: '10.0.0.1', nodeName: 'n1' }, { ip: 'fd00::1' }],
        notReadyAddresses: [{ ip: '10.0.0.2', targetRef: { kind: 'Pod' } }],
        ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
      },
      { addresses: null, ports: [{ port: 1 }] },
    ],
  });
  assert.ok(manifest.kind === 'endpoints');
  assert.equal(manifest.service, 'default/web');
  assert.deepEqual(
    manifest.slices.map(({ name, family }) => [name, family]),
    [
      ['default/web#0/IPv4', 'IPv4'],
      ['default/web#0/IPv6', 'IPv6'],
    ],
  );
  const notReady = { ...plain, address: '10.0.0.2', ready: false, serving: false };
  assert.deepEqual(manifest.slices[0]?.endpoints, [{ ...plain, nodeName: 'n1' }, notReady]);
});

test('Endpoints without subsets are right', () => {
  const manifest = only({ apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'web' } });
  assert.ok(manifest.kind === 'endpoints' && manifest.slices.length === 0);
});

const ignored: readonly [string, Part][] = [
  ['a Deployment', { apiVersion: 'apps/v1', kind: 'Deployment', metadata: { name: 'x' } }],
  ['a ConfigMap', { apiVersion: 'v1', kind: 'ConfigMap', data: 3 }],
  ['a ConfigMap', { apiVersion: 'v1', kind: 'ConfigMap' }],
  ['a Service of Knative', { apiVersion: 'serving.knative.dev/v1', kind: 'Service' }],
];
for (const [name, value] of ignored) test(`ignored: ${name}`, () => assert.deepEqual(readManifests(value), []));

const listType: readonly [string, string, Part][] = [
  ['List', 'v1', serviceObject({})],
  ['ServiceList', 'v1', { metadata: { name: 'web' }, spec: { clusterIP: '10.96.0.1' } }],
  ['EndpointSliceList', 'discovery.k8s.io/v1', { ...sliceObject({}), kind: undefined, apiVersion: undefined }],
  ['EndpointsList', 'v1', { metadata: { name: 'web' } }],
];
for (const [kind, apiVersion, item] of listType) {
  test(`the items of a ${kind}`, () => {
    const plainItem = JSON.parse(JSON.stringify(item)) as Part;
    const manifests = readManifests({ apiVersion, kind, items: [plainItem, plainItem] });
    assert.deepEqual(
      manifests.map(({ path }) => formatPath(path)),
      ['items[0]', 'items[1]'],
    );
    assert.ok(
      manifests.every((manifest) => manifest.kind !== 'invalid'),
      JSON.stringify(manifests),
    );
  });
}

test('a list without items is empty', () => {
  assert.deepEqual(readManifests({ apiVersion: 'v1', kind: 'List', items: null }), []);
});

const wrong: readonly [string, unknown, string, RegExp][] = [
  ['not a map', [], '', /expected a Kubernetes object/],
  ['no kind', { apiVersion: 'v1' }, '', /needs apiVersion and kind/],
  ['no name', { apiVersion: 'v1', kind: 'Service', metadata: {} }, 'metadata.name', /^Service: this key is missing/],
  ['no metadata', { apiVersion: 'v1', kind: 'Service' }, 'metadata.name', /missing/],
  [
    'an old EndpointSlice',
    sliceObject({}) && { ...sliceObject({}), apiVersion: 'discovery.k8s.io/v1beta1' },
    '',
    /EndpointSlice default\/web-1 is skipped: .*write discovery.k8s.io\/v1/,
  ],
  [
    'a port that is none',
    serviceObject({ ports: [{ port: 0 }] }),
    'spec.ports[0].port',
    /^Service default\/web is skipped: 0 is not a port/,
  ],
  [
    'a protocol that is none',
    serviceObject({ ports: [{ port: 1, protocol: 'ICMP' }] }),
    'spec.ports[0].protocol',
    /found "ICMP"/,
  ],
  [
    'several ports without names',
    serviceObject({ ports: [{ port: 1, name: 'a' }, { port: 2 }] }),
    'spec.ports[1]',
    /needs a name/,
  ],
  ['a VIP that is no address', serviceObject({ clusterIP: 'web' }), 'spec.clusterIP', /"web" cannot be a VIP/],
  ['the wildcard as VIP', serviceObject({ clusterIPs: ['10.0.0.1', '::'] }), 'spec.clusterIPs[1]', /wildcard/],
  [
    'a time out of range',
    serviceObject({ sessionAffinityConfig: { clientIP: { timeoutSeconds: 86_401 } } }),
    'spec.sessionAffinityConfig.clientIP.timeoutSeconds',
    /at most 86400/,
  ],
  [
    'an unknown policy',
    serviceObject({}, { annotations: { 'sluice/policy': 'fast' } }),
    'metadata.annotations["sluice/policy"]',
    /found "fast"; write roundRobin/,
  ],
  [
    'an unknown version of the PROXY protocol',
    serviceObject({}, { annotations: { 'sluice/proxy-protocol': 'v3' } }),
    'metadata.annotations["sluice/proxy-protocol"]',
    /found "v3"; write v1 or v2 or off/,
  ],
  [
    'an unknown annotation of ours',
    serviceObject({}, { annotations: { 'sluice/polcy': 'x' } }),
    'metadata.annotations["sluice/polcy"]',
    /did you mean "sluice\/policy"/,
  ],
  [
    'an annotation of ours like nothing',
    serviceObject({}, { annotations: { 'sluice/zzzzzzzzzzz': 'x' } }),
    'metadata.annotations["sluice/zzzzzzzzzzz"]',
    /there are sluice\/policy, sluice/,
  ],
  [
    'a slice of nobody',
    sliceObject({}, { labels: null }),
    'metadata.labels',
    /label kubernetes.io\/service-name is missing/,
  ],
  ['an address type that is none', sliceObject({ addressType: 'IP' }), 'addressType', /found "IP"/],
  [
    'an endpoint that is no address',
    sliceObject({ endpoints: [{ addresses: ['x'] }] }),
    'endpoints[0].addresses[0]',
    /"x" is not an IP address/,
  ],
  [
    'an endpoint of the other family',
    sliceObject({ endpoints: [{ addresses: ['::1'] }] }),
    'endpoints[0].addresses[0]',
    /not of addressType IPv4/,
  ],
  [
    'the wildcard as endpoint',
    sliceObject({ endpoints: [{ addresses: ['0.0.0.0'] }] }),
    'endpoints[0].addresses[0]',
    /wildcard/,
  ],
  [
    'an endpoint without address',
    sliceObject({ endpoints: [{ addresses: [] }] }),
    'endpoints[0].addresses',
    /at least 1 items/,
  ],
  [
    'wrong Endpoints',
    { apiVersion: 'v1', kind: 'Endpoints', metadata: { name: 'a' }, subsets: [{ addresses: [{}] }] },
    'subsets[0].addresses[0].ip',
    /missing/,
  ],
  ['items that are none', { apiVersion: 'v1', kind: 'List', items: 3 }, 'items', /expected a list/],
  ['an item that is none', { apiVersion: 'v1', kind: 'List', items: [3] }, 'items[0]', /expected a Kubernetes object/],
  [
    'a list inside a list',
    { apiVersion: 'v1', kind: 'List', items: [{ apiVersion: 'v1', kind: 'List' }] },
    'items[0]',
    /list inside a list/,
  ],
  [
    'a wrong item',
    { apiVersion: 'v1', kind: 'List', items: [serviceObject({ ports: [{ port: 'x' }] })] },
    'items[0].spec.ports[0].port',
    /found "x"/,
  ],
];
for (const [name, value, path, message] of wrong) {
  test(`wrong: ${name}`, () => {
    const manifest = only(value);
    assert.ok(manifest.kind === 'invalid', JSON.stringify(manifest));
    assert.deepEqual(
      manifest.faults.map((fault) => formatPath(fault.path)),
      [path],
    );
    assert.match(manifest.faults[0].message, message);
    assert.equal(manifest.faults[0].code, 'MANIFEST_INVALID');
  });
}

test('a wrong object has its id, if it has a name', () => {
  assert.equal(only(serviceObject({ ports: 3 })).id, 'Service default/web');
  assert.equal(only({ apiVersion: 'v1', kind: 'Service' }).id, undefined);
});

test('manifests say their kind, configurations do not', () => {
  assert.equal(isManifest({ kind: 'x' }), true);
  assert.equal(isManifest({ services: [] }), false);
  assert.equal(isManifest(null), false);
  assert.equal(isManifest([]), false);
});

test('whatever an object holds, it is read or its faults are told', () => {
  const junk = fc.oneof(fc.jsonValue({ maxDepth: 3 }), fc.constantFrom('10.0.0.1', 'IPv4', 80, null, [], {}));
  const object = fc.record(
    {
      apiVersion: fc.constantFrom('v1', 'discovery.k8s.io/v1'),
      kind: fc.constantFrom('Service', 'EndpointSlice', 'Endpoints', 'List', 'ServiceList'),
      metadata: fc.oneof(junk, fc.record({ name: fc.constant('web'), labels: junk, annotations: junk })),
      spec: fc.oneof(junk, fc.record({ clusterIP: junk, clusterIPs: junk, ports: junk, sessionAffinity: junk })),
      subsets: junk,
      addressType: junk,
      ports: junk,
      endpoints: junk,
      items: junk,
    },
    { requiredKeys: ['apiVersion', 'kind'] },
  );
  fc.assert(
    fc.property(object, (value) => readManifests(value).every(({ kind }) => kind !== undefined)),
    { numRuns: 1_000 },
  );
});

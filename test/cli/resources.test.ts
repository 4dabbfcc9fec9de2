import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { EndpointsObject, FrontendItem, ServiceObject, SessionItem } from '../../src/admin/shapes.ts';
import { resourceOf } from '../../src/cli/resources.ts';
import { Seen } from '../../src/cli/seen.ts';

const now = Date.UTC(2026, 10, 22, 12, 5);
const metadata = { name: 'web', namespace: 'default', creationTimestamp: '2026-11-22T12:00:00Z' };

/** The cells of an item, with those of `-o wide`. */
function cells(type: string, item: unknown): string {
  const resource = resourceOf(type);
  assert.ok(resource);
  return resource.columns.map(({ cell }) => cell(item, now)).join(' | ');
}

type Spec = ServiceObject['spec'];

function serviceOf(spec: Partial<Spec> = {}, ingress?: readonly { ip: string }[]): ServiceObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata,
    spec: {
      type: 'ClusterIP',
      clusterIP: '10.96.0.1',
      clusterIPs: ['10.96.0.1'],
      ports: [{ port: 80, protocol: 'TCP' }],
      sessionAffinity: 'None',
      ipFamilies: ['IPv4'],
      internalTrafficPolicy: 'Cluster',
      ...spec,
    },
    status: { loadBalancer: { ...(ingress && { ingress }) } },
  };
}

const { clusterIP: _, clusterIPs: __, ...withoutIps } = serviceOf().spec;
const externalName: ServiceObject = {
  ...serviceOf(),
  spec: { ...withoutIps, type: 'ExternalName', externalName: 'db.example', ports: [] },
};

describe('services', () => {
  const rows: [name: string, service: ServiceObject, expected: string][] = [
    ['ClusterIP', serviceOf(), 'web | ClusterIP | 10.96.0.1 | <none> | 80/TCP | 5m | <none>'],
    [
      'node ports and selectors',
      serviceOf({
        type: 'NodePort',
        ports: [
          { port: 80, protocol: 'TCP', nodePort: 30_080 },
          { port: 53, protocol: 'UDP' },
        ],
        selector: { b: '2', a: '1' },
      }),
      'web | NodePort | 10.96.0.1 | <none> | 80:30080/TCP,53/UDP | 5m | a=1,b=2',
    ],
    [
      'external IPs, no ports',
      serviceOf({ externalIPs: ['192.0.2.1', '192.0.2.2'], ports: [] }),
      'web | ClusterIP | 10.96.0.1 | 192.0.2.1,192.0.2.2 | <none> | 5m | <none>',
    ],
    [
      'headless',
      serviceOf({ clusterIP: 'None', clusterIPs: ['None'] }),
      'web | ClusterIP | None | <none> | 80/TCP | 5m | <none>',
    ],
    ['ExternalName', externalName, 'web | ExternalName | <none> | db.example | <none> | 5m | <none>'],
    [
      'a load balancer that has none yet',
      serviceOf({ type: 'LoadBalancer' }),
      'web | LoadBalancer | 10.96.0.1 | <pending> | 80/TCP | 5m | <none>',
    ],
    [
      'a load balancer',
      serviceOf({ type: 'LoadBalancer', externalIPs: ['192.0.2.9'] }, [{ ip: '192.0.2.1' }]),
      'web | LoadBalancer | 10.96.0.1 | 192.0.2.1,192.0.2.9 | 80/TCP | 5m | <none>',
    ],
  ];
  for (const [name, service, expected] of rows) test(name, () => assert.equal(cells('svc', service), expected));
});

describe('endpoints', () => {
  const endpointsOf = (...ips: string[]): EndpointsObject => ({
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata,
    subsets: [
      {
        addresses: ips.map((ip) => ({ ip })),
        notReadyAddresses: [{ ip: '10.9.9.9' }],
        ports: [{ port: 8080, protocol: 'TCP' }],
      },
    ],
  });
  const rows: [name: string, ips: string[], expected: string][] = [
    ['none', [], '<none>'],
    ['three', ['10.0.0.1', '10.0.0.2', 'fd00::1'], '10.0.0.1:8080,10.0.0.2:8080,[fd00::1]:8080'],
    [
      'more',
      ['10.0.0.1', '10.0.0.2', '10.0.0.3', '10.0.0.4', '10.0.0.5'],
      '10.0.0.1:8080,10.0.0.2:8080,10.0.0.3:8080 + 2 more...',
    ],
  ];
  for (const [name, ips, expected] of rows)
    test(name, () => assert.equal(cells('ep', endpointsOf(...ips)), `web | ${expected} | 5m`));
});

const frontend: FrontendItem = {
  kind: 'Frontend',
  namespace: 'default',
  service: 'web',
  port: 'http',
  vip: '10.96.0.1:80',
  protocol: 'TCP',
  state: 'listening',
  active: 3,
  policy: 'roundRobin',
  endpoints: 4,
  eligible: 2,
};
const session: SessionItem = {
  kind: 'Session',
  namespace: 'default',
  service: 'web',
  port: '',
  client: '[fd00::7]:5000',
  frontend: '10.96.0.1:80',
  protocol: 'UDP',
  ageMs: 61_000,
  idleMs: 200,
  bytesFromClient: 10,
  bytesFromEndpoint: 20,
};

test('frontends and sessions', () => {
  assert.equal(cells('fe', frontend), '10.96.0.1:80/TCP | web:http | listening | 3 | roundRobin | 2/4 | <none>');
  assert.equal(cells('sessions', session), '[fd00::7]:5000 | 10.96.0.1:80/UDP | <none> | 61s | 0s | 10 | 20 | web');
  assert.deepEqual(resourceOf('session')?.names(session), ['[fd00::7]:5000/UDP', '[fd00::7]:5000', 'fd00::7']);
});

test('types by every name, and -o name', () => {
  const names = ['svc', 'service', 'Services', 'ep', 'endpoint', 'fe', 'frontend', 'session', 'pods'];
  assert.deepEqual(
    names.map((name) => resourceOf(name)?.name),
    ['services', 'services', 'services', 'endpoints', 'endpoints', 'frontends', 'frontends', 'sessions', undefined],
  );
  assert.equal(resourceOf('svc')?.id(serviceOf()), 'service/web');
  assert.equal(resourceOf('ep')?.id({ metadata, subsets: [] }), 'endpoints/web');
  assert.equal(resourceOf('fe')?.id(frontend), 'frontend/10.96.0.1:80/TCP');
});

test('watch: what is new, what looks different and what is gone is news; what is only older is not', () => {
  const resource = resourceOf('sessions');
  assert.ok(resource);
  const seen = new Seen(resource, resource.columns);
  const other = { ...session, client: '10.0.0.7:5000' };
  assert.deepEqual(seen.look([session, other]), [session, other]);
  assert.deepEqual(seen.look([{ ...session, ageMs: 90_000, idleMs: 5 }, other]), []);
  const moved = { ...session, bytesFromClient: 11 };
  assert.deepEqual(seen.look([moved, other]), [moved]);
  assert.deepEqual(seen.look([moved]), [other]);
  assert.deepEqual(seen.look([]), [moved]);
});

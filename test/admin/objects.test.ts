import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { Answer } from '../../src/admin/answer.ts';
import { objectRoutes } from '../../src/admin/object-routes.ts';
import type { ObjectSource, SessionView } from '../../src/admin/object-source.ts';
import type { DescribeResponse } from '../../src/admin/shapes.ts';
import { readManifests } from '../../src/feed/manifests.ts';
import { serviceKey } from '../../src/model/keys.ts';
import type { Service } from '../../src/model/service.ts';
import type { Frontend } from '../../src/model/snapshot.ts';
import { Target } from '../../src/model/target.ts';
import { Rig } from '../frontend/rig.ts';
import { FakeServicePort, frontendOf, servicePortNamed } from '../support/live-views.ts';
import { endpoint, ip, service } from '../support/model.ts';

const createdAt = '2026-11-22T12:00:00Z';
const ready = endpoint('10.1.0.1', { nodeName: 'node-a' });
const notReady = endpoint('10.1.0.2', { ready: false, serving: false });

/** Nothing, but for what a test says. */
function sourceOf(over: Partial<Record<'services' | 'servicePorts' | 'frontends' | 'sessions', readonly unknown[]>>) {
  const { services = [], servicePorts = [], frontends = [], sessions = [] } = over;
  return {
    services: () => (services as Service[]).map((each) => ({ service: each, createdAt })),
    servicePorts: () => servicePorts as FakeServicePort[],
    frontends: () => (frontends as Frontend[]).map((frontend) => ({ frontend, state: { kind: 'binding' }, active: 2 })),
    sessions: () => sessions as SessionView[],
    failedTries: () => 0,
    explain: () => undefined,
  } satisfies ObjectSource;
}

async function ask(source: ObjectSource, path: string, isApplied = true): Promise<{ status: number; value: unknown }> {
  const [name = '', query] = path.split('?');
  const route = new Map(objectRoutes(source, () => isApplied)).get(name);
  assert.ok(route, `no route ${name}`);
  const { status, body } = (await route(new URLSearchParams(query))) as Answer;
  let text = '';
  for await (const piece of typeof body === 'string' ? [body] : body) text += piece;
  return { status, value: JSON.parse(text) };
}

async function items(source: ObjectSource, path: string): Promise<readonly Record<string, unknown>[]> {
  const { status, value } = await ask(source, path);
  assert.equal(status, 200);
  return (value as { items: Record<string, unknown>[] }).items;
}

const whole = service('web', ['10.96.0.1', 'fd00::1'], {
  ports: [
    { name: 'http', port: 80, protocol: 'TCP', nodePort: 30_080 },
    { name: 'dns', port: 53, protocol: 'UDP' },
  ],
  externalIps: [ip('192.0.2.1')],
  loadBalancerIps: [ip('192.0.2.2')],
  loadBalancerSourceRanges: ['10.0.0.0/8'],
  internalTrafficPolicy: 'Local',
  externalTrafficPolicy: 'Local',
  healthCheckNodePort: 32_000,
  affinityTimeoutMs: 60_000,
  meta: {
    labels: { run: 'web' },
    annotations: { note: 'x' },
    selector: { run: 'web' },
    type: 'LoadBalancer',
    ipFamilyPolicy: 'RequireDualStack',
    targetPorts: { 'http/TCP': 'web', 'dns/UDP': '5353' },
  },
});

test('before the first snapshot nothing is known, which is not nothing', async () => {
  for (const path of ['/get/services', '/describe?name=web', '/explain?client=10.0.0.1&frontend=10.96.0.1:80'])
    assert.deepEqual(await ask(sourceOf({}), path, false), { status: 503, value: { error: 'starting' } });
});

describe('what is not proxied', () => {
  const headless = service('headless', [], { notProxied: 'headless', meta: { type: 'ClusterIP' } });
  const named = service('named', [], {
    notProxied: 'external-name',
    ports: [],
    meta: { type: 'ExternalName', externalName: 'db.example' },
  });
  const source = sourceOf({ services: [headless, named] });

  test('is listed as the API server has it', async () => {
    const specs = (await items(source, '/get/services')).map(({ spec }) => spec as Record<string, unknown>);
    assert.deepEqual(
      specs.map(({ type, clusterIP, clusterIPs, externalName }) => [type, clusterIP, clusterIPs, externalName]),
      [
        ['ClusterIP', 'None', ['None'], undefined],
        ['ExternalName', undefined, undefined, 'db.example'],
      ],
    );
  });

  test('has no endpoints that sluice gives traffic to', async () => {
    assert.deepEqual(await items(source, '/get/endpoints'), []);
  });

  test('is described with the reason', async () => {
    const { value } = await ask(source, '/describe?name=headless');
    const { notProxied, ports } = value as DescribeResponse;
    assert.equal(notProxied, 'headless');
    assert.deepEqual(
      ports.map(({ frontends, endpoints }) => [frontends, endpoints]),
      [[[], []]],
    );
  });
});

describe('services', () => {
  test('all that is known, in the words of Kubernetes', async () => {
    assert.deepEqual(await items(sourceOf({ services: [whole] }), '/get/services'), [
      {
        apiVersion: 'v1',
        kind: 'Service',
        metadata: {
          name: 'web',
          namespace: 'default',
          labels: { run: 'web' },
          annotations: { note: 'x' },
          creationTimestamp: createdAt,
        },
        spec: {
          type: 'LoadBalancer',
          clusterIP: '10.96.0.1',
          clusterIPs: ['10.96.0.1', 'fd00::1'],
          externalIPs: ['192.0.2.1'],
          ports: [
            { name: 'http', port: 80, protocol: 'TCP', targetPort: 'web', nodePort: 30_080 },
            { name: 'dns', port: 53, protocol: 'UDP', targetPort: 5353 },
          ],
          selector: { run: 'web' },
          sessionAffinity: 'ClientIP',
          sessionAffinityConfig: { clientIP: { timeoutSeconds: 60 } },
          ipFamilies: ['IPv4', 'IPv6'],
          ipFamilyPolicy: 'RequireDualStack',
          internalTrafficPolicy: 'Local',
          externalTrafficPolicy: 'Local',
          loadBalancerSourceRanges: ['10.0.0.0/8'],
          healthCheckNodePort: 32_000,
        },
        status: { loadBalancer: { ingress: [{ ip: '192.0.2.2' }] } },
      },
    ]);
  });

  test('one that says nothing', async () => {
    const [item] = await items(sourceOf({ services: [service('web', ['10.96.0.1'])] }), '/get/services');
    assert.deepEqual(item?.spec, {
      type: 'ClusterIP',
      clusterIP: '10.96.0.1',
      clusterIPs: ['10.96.0.1'],
      ports: [{ name: 'http', port: 80, protocol: 'TCP' }],
      sessionAffinity: 'None',
      ipFamilies: ['IPv4'],
      internalTrafficPolicy: 'Cluster',
    });
    assert.deepEqual(item?.metadata, { name: 'web', namespace: 'default', creationTimestamp: createdAt });
  });

  test('one of the configuration: its type is the least that has what it has', async () => {
    const ports = [{ name: '', port: 80, protocol: 'TCP' as const, nodePort: 30_080 }];
    const services = [
      service('a', ['10.96.0.1']),
      service('b', ['10.96.0.2'], { ports }),
      service('c', ['10.96.0.3'], { ports, loadBalancerIps: [ip('192.0.2.2')] }),
    ];
    const got = await items(sourceOf({ services }), '/get/services');
    assert.deepEqual(
      got.map(({ spec }) => (spec as { type: string }).type),
      ['ClusterIP', 'NodePort', 'LoadBalancer'],
    );
  });

  test('what is answered can be read again, and says the same', async () => {
    const [item] = await items(sourceOf({ services: [whole] }), '/get/services');
    const [manifest] = readManifests(item);
    assert.ok(manifest?.kind === 'service');
    const { vips, ports, meta, affinityTimeoutMs } = manifest.service;
    assert.deepEqual([vips, affinityTimeoutMs], [whole.vips, 60_000]);
    assert.deepEqual(ports, whole.ports);
    assert.deepEqual(meta, { ...whole.meta, createdAt });
  });

  test('nothing is not an error', async () => {
    const { status, value } = await ask(sourceOf({}), '/get/services');
    assert.deepEqual([status, value], [200, { apiVersion: 'v1', kind: 'List', items: [] }]);
  });
});

describe('which are meant', () => {
  const inNamespace = (namespace: string, name: string, labels: Record<string, string> = {}) =>
    service(name, ['10.96.0.1'], { key: serviceKey(namespace, name), namespace, meta: { labels } });
  const services = [
    inNamespace('default', 'web', { run: 'web' }),
    inNamespace('default', 'api', { run: 'api' }),
    inNamespace('apps', 'web'),
  ];
  const rows: [query: string, expected: string][] = [
    ['', 'apps/web default/api default/web'],
    ['?namespace=default', 'default/api default/web'],
    ['?namespace=none', ''],
    ['?namespace=default&name=web', 'default/web'],
    ['?namespace=default&name=web&name=api', 'default/api default/web'],
    ['?labelSelector=run', 'default/api default/web'],
    ['?labelSelector=run%3Dapi', 'default/api'],
  ];
  for (const [query, expected] of rows) {
    test(query || 'all', async () => {
      const got = await items(sourceOf({ services }), `/get/services${query}`);
      const names = got.map(({ metadata }) => {
        const { namespace, name } = metadata as { namespace: string; name: string };
        return `${namespace}/${name}`;
      });
      assert.equal(names.join(' '), expected);
    });
  }

  const bad = ['/get/services?labelSelector=%3D', '/get/services?lableSelector=x', '/describe', '/describe?name='];
  for (const path of [...bad, '/explain', '/explain?client=<b>&frontend=10.0.0.1:80', '/explain?client=10.0.0.1']) {
    test(`400, and nothing of it is repeated: ${path}`, async () => {
      const { status, value } = await ask(sourceOf({ services }), path);
      assert.equal(status, 400);
      const { error, message } = value as { error: string; message: string };
      assert.equal(error, 'bad-request');
      assert.ok(message.length > 0 && !message.includes('<'));
    });
  }
});

test('endpoints: a subset for each port number, ready or not', async () => {
  const other = endpoint('10.1.0.3:9090');
  const ports = [new FakeServicePort(servicePortNamed('web', [ready, notReady, other]))];
  const unnamed = servicePortNamed('bare', [endpoint('10.1.0.4')]);
  const source = sourceOf({
    services: [service('web', ['10.96.0.1']), service('bare', []), service('lonely', [])],
    servicePorts: [...ports, new FakeServicePort({ ...unnamed, portName: '' })],
  });
  const got = await items(source, '/get/endpoints');
  assert.deepEqual(
    got.map(({ subsets }) => subsets),
    [
      [{ addresses: [{ ip: '10.1.0.4' }], ports: [{ port: 8080, protocol: 'TCP' }] }],
      [],
      [
        {
          addresses: [{ ip: '10.1.0.1', nodeName: 'node-a' }],
          notReadyAddresses: [{ ip: '10.1.0.2' }],
          ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
        },
        { addresses: [{ ip: '10.1.0.3' }], ports: [{ name: 'http', port: 9090, protocol: 'TCP' }] },
      ],
    ],
  );
});

test('endpoints: every port of a service', async () => {
  const web = servicePortNamed('web', [ready]);
  const admin = { ...web, portName: 'admin' };
  const servicePorts = [new FakeServicePort(web), new FakeServicePort(admin)];
  const got = await items(sourceOf({ services: [service('web', [])], servicePorts }), '/get/endpoints');
  const subsets = got.flatMap((each) => each.subsets as { ports: { name: string }[] }[]);
  assert.deepEqual(
    subsets.map(({ ports }) => ports[0]?.name),
    ['http', 'admin'],
  );
});

test('frontends by address, with or without their protocol', async () => {
  const port = { ...servicePortNamed('web', [ready, notReady]), eligible: [ready] };
  const source = sourceOf({ frontends: [frontendOf(port), frontendOf(port, '10.96.0.2')] });
  const expected = {
    kind: 'Frontend',
    namespace: 'default',
    service: 'web',
    port: 'http',
    vip: '10.96.0.1:80',
    protocol: 'TCP',
    state: 'binding',
    active: 2,
    policy: 'roundRobin',
    endpoints: 2,
    eligible: 1,
  };
  for (const name of ['10.96.0.1:80', '10.96.0.1:80/TCP'])
    assert.deepEqual(await items(source, `/get/frontends?name=${name}`), [expected]);
  assert.equal((await items(source, '/get/frontends?name=10.96.0.1:80/UDP')).length, 0);
});

test('sessions by client, and by the labels of their service', async () => {
  const frontend = frontendOf(servicePortNamed('web', [ready]));
  const flow = { ageMs: 1_500.4, idleMs: 20.6, bytesFromClient: 3, bytesFromEndpoint: 4 };
  const from = (clientAddress: string, target?: Target) => ({
    frontend,
    flow: { ...flow, clientAddress, clientPort: 5_000, target },
  });
  const services = [service('web', [], { meta: { labels: { run: 'web' } } })];
  const source = sourceOf({ services, sessions: [from('10.0.0.7', new Target(ready)), from('fd00::7')] });
  const expected = {
    kind: 'Session',
    namespace: 'default',
    service: 'web',
    port: 'http',
    client: '10.0.0.7:5000',
    frontend: '10.96.0.1:80',
    protocol: 'TCP',
    endpoint: '10.1.0.1:8080',
    ageMs: 1500,
    idleMs: 21,
    bytesFromClient: 3,
    bytesFromEndpoint: 4,
  };
  for (const name of ['10.0.0.7', '10.0.0.7:5000', '10.0.0.7:5000/TCP'])
    assert.deepEqual(await items(source, `/get/sessions?name=${name}`), [expected]);
  const [six] = await items(source, '/get/sessions?name=fd00::7');
  assert.deepEqual([six?.client, six?.endpoint], ['[fd00::7]:5000', undefined]);
  assert.equal((await items(source, '/get/sessions?labelSelector=run%3Dweb')).length, 2);
  assert.equal((await items(source, '/get/sessions?labelSelector=!run')).length, 0);
});

test('describe: one service with its ports, and what is left out', async () => {
  const port = { ...servicePortNamed('web', [ready, notReady]), eligible: [ready] };
  const services = [service('web', ['10.96.0.1'])];
  const source = sourceOf({ services, servicePorts: [new FakeServicePort(port)], frontends: [frontendOf(port)] });
  const { status, value } = await ask(source, '/describe?namespace=default&name=web');
  const { ports } = value as DescribeResponse;
  assert.equal(status, 200);
  assert.deepEqual(ports, [
    {
      name: 'http',
      port: 80,
      protocol: 'TCP',
      policy: 'roundRobin',
      frontends: [{ vip: '10.96.0.1:80', state: 'binding' }],
      endpoints: ['10.1.0.1:8080'],
      leftOut: [{ endpoint: '10.1.0.2:8080', reason: 'not-ready' }],
    },
  ]);
  assert.deepEqual(await ask(source, '/describe?namespace=apps&name=web'), {
    status: 404,
    value: { error: 'not-found' },
  });
});

/** The answer of real frontends on a fake engine. */
async function explain(rig: Rig, query: string): Promise<Record<string, unknown>> {
  const source: ObjectSource = {
    services: () => [],
    servicePorts: () => rig.balancers.values(),
    frontends: () => rig.frontends.states(),
    sessions: () => [],
    failedTries: ({ endpoint }) => (endpoint.ready ? 2 : 0),
    explain: (client, key) => rig.frontends.explain(client, key),
  };
  const { status, value } = await ask(source, `/explain?${query}`);
  assert.equal(status, 200);
  return value as Record<string, unknown>;
}

describe('explain', () => {
  const vip = '10.96.0.1';

  test('every step, with what comes of it; asked twice, the same', async () => {
    const rig = new Rig();
    const over = { affinityTimeoutMs: 60_000, settings: { maxFlowsPerFrontend: 10 } };
    await rig.apply({ web: { vips: [vip], endpoints: ['10.1.0.1', '10.1.0.2!'], over } });
    const expected = {
      client: '10.0.0.7',
      frontend: '10.96.0.1:80',
      found: {
        frontend: '10.96.0.1:80/TCP',
        namespace: 'default',
        service: 'web',
        port: 'p',
        kind: 'cluster',
        state: 'listening',
        active: 0,
        maxFlows: 10,
        scope: 'cluster',
        endpoints: [
          { endpoint: '10.1.0.1:8080', weight: 1, active: 0, failedTries: 2 },
          { endpoint: '10.1.0.2:8080', weight: 1, active: 0, failedTries: 0, leftOut: 'not-ready' },
        ],
        affinity: { kind: 'none', timeoutSeconds: 60 },
        policy: 'roundRobin',
        turn: ['10.1.0.1:8080'],
      },
      outcome: { kind: 'forward', endpoint: '10.1.0.1:8080', by: 'policy' },
    };
    assert.deepEqual(await explain(rig, `client=10.0.0.7&frontend=${vip}:80`), expected);
    assert.deepEqual(await explain(rig, `client=10.0.0.7&frontend=${vip}:80`), expected);
  });

  test('an affinity entry with its remaining time', async () => {
    const rig = new Rig();
    await rig.apply({ web: { vips: [vip], endpoints: ['10.1.0.1'], over: { affinityTimeoutMs: 60_000 } } });
    rig.listener(vip).open('10.0.0.7');
    rig.clock.advance(12_345);
    const { found, outcome } = await explain(rig, `client=10.0.0.7&frontend=${vip}:80/tcp`);
    assert.deepEqual((found as Record<string, unknown>).affinity, {
      kind: 'kept',
      timeoutSeconds: 60,
      remainingSeconds: 47.655,
      endpoint: '10.1.0.1:8080',
    });
    assert.deepEqual(outcome, { kind: 'forward', endpoint: '10.1.0.1:8080', by: 'affinity' });
  });

  test('chance, and nobody', async () => {
    const rig = new Rig();
    const over = { settings: { policy: 'random' as const } };
    await rig.apply({
      web: { vips: [vip], endpoints: ['10.1.0.1', '10.1.0.2'], over },
      none: { vips: ['10.96.0.2'], endpoints: [], protocol: 'UDP' },
    });
    const drawn = await explain(rig, `client=10.0.0.7&frontend=${vip}:80`);
    assert.deepEqual(drawn.outcome, { kind: 'chance', among: ['10.1.0.1:8080', '10.1.0.2:8080'] });
    const nobody = await explain(rig, 'client=10.0.0.7&frontend=10.96.0.2:80/UDP');
    assert.deepEqual(nobody.outcome, { kind: 'reject', reason: 'no-endpoint' });
  });

  test('what is in the way: a limit, or nobody listens', async () => {
    const rig = new Rig();
    await rig.apply({ web: { vips: [vip], endpoints: ['10.1.0.1'] } });
    rig.load.limit = 0;
    const full = await explain(rig, `client=10.0.0.7&frontend=${vip}:80`);
    assert.deepEqual(full.outcome, { kind: 'reject', reason: 'limit-process' });
    rig.engine.failure = 'EADDRINUSE';
    await rig.apply({ web: { vips: ['10.96.0.2'], endpoints: ['10.1.0.1'] } });
    const failed = await explain(rig, 'client=10.0.0.7&frontend=10.96.0.2:80');
    assert.deepEqual(failed.outcome, { kind: 'reject', reason: 'not-listening' });
    assert.match(String((failed.found as Record<string, unknown>).message), /another program listens/);
  });

  test('the nearest: the other protocol comes before other ports', async () => {
    const rig = new Rig();
    const ports = [
      { name: 'a', port: 53, protocol: 'TCP' as const },
      { name: 'b', port: 80, protocol: 'UDP' as const },
    ];
    await rig.apply({ web: { vips: [vip], endpoints: [], over: { ports } } });
    const { nearest: near } = await explain(rig, `client=10.0.0.7&frontend=${vip}:80/TCP`);
    assert.deepEqual(near, [
      { frontend: `${vip}:80/UDP`, service: 'default/web:b' },
      { frontend: `${vip}:53/TCP`, service: 'default/web:a' },
    ]);
  });

  test('the nearest: of other ports, the most similar comes first', async () => {
    const rig = new Rig();
    const ports = [
      { name: 'web', port: 8080, protocol: 'TCP' as const },
      { name: 'dns', port: 5353, protocol: 'UDP' as const },
    ];
    await rig.apply({ web: { vips: [vip], endpoints: [], over: { ports } } });
    const { nearest: near } = await explain(rig, `client=10.0.0.7&frontend=${vip}:5354/UDP`);
    assert.deepEqual(near, [
      { frontend: `${vip}:5353/UDP`, service: 'default/web:dns' },
      { frontend: `${vip}:8080/TCP`, service: 'default/web:web' },
    ]);
  });

  const nearest: [asked: string, expected: string][] = [
    ['10.96.0.1:80/UDP', '10.96.0.1:80/TCP 10.96.0.2:80/TCP'],
    ['10.96.0.1:8080', '10.96.0.1:80/TCP 10.96.0.2:80/TCP'],
    ['10.96.0.3:80', '10.96.0.1:80/TCP 10.96.0.2:80/TCP'],
    ['192.0.2.1:443', ''],
  ];
  for (const [asked, expected] of nearest) {
    test(`no frontend ${asked}: the nearest`, async () => {
      const rig = new Rig();
      await rig.apply({
        web: { vips: [vip], endpoints: [] },
        api: { vips: ['10.96.0.2'], endpoints: [] },
      });
      const { nearest: near, outcome, found } = await explain(rig, `client=10.0.0.7&frontend=${asked}`);
      assert.equal((near as { frontend: string }[]).map(({ frontend }) => frontend).join(' '), expected);
      assert.deepEqual([outcome, found], [{ kind: 'reject', reason: 'no-frontend' }, undefined]);
    });
  }
});

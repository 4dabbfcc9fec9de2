import assert from 'node:assert/strict';
import { test } from 'node:test';
import { servicePortEntry, servicesJson } from '../../src/admin/services.ts';
import type { ServicesResponse } from '../../src/admin/shapes.ts';
import { Target } from '../../src/model/target.ts';
import { FakeServicePort, FakeViews, frontendOf, servicePortNamed } from '../support/live-views.ts';
import { endpoint } from '../support/model.ts';

const zero = { active: 0, opened: 0, closed: 0, bytesToEndpoint: 0, bytesFromEndpoint: 0 };
const nothing = { ...zero, datagramsToEndpoint: 0, datagramsFromEndpoint: 0 };

async function read(views: FakeViews): Promise<{ response: ServicesResponse; pieces: number }> {
  const pieces: string[] = [];
  for await (const piece of servicesJson(views)) pieces.push(piece);
  return { response: JSON.parse(pieces.join('')), pieces: pieces.length };
}

test('no service: an empty list', async () => {
  const { response } = await read(new FakeViews());
  assert.deepEqual(response, { version: 1, servicePorts: [] });
});

test('a service port with its frontends, and endpoints with conditions and counters', async () => {
  const good = endpoint('10.0.0.1', { nodeName: 'node-a', zone: 'z1', weight: 3 });
  const bad = endpoint('10.0.0.2', { ready: false });
  const base = servicePortNamed('web', [good, bad]);
  const port = new FakeServicePort({ ...base, eligible: [good], affinityTimeoutMs: 10_800_000 });
  port.affinityEntries = 2;
  Object.assign(port.retired, { opened: 5, closed: 5, bytesFromEndpoint: 50 });
  Object.assign(port.targets.get(good.key)?.stats ?? {}, { active: 1, opened: 4, closed: 3, bytesFromEndpoint: 9 });
  const views = new FakeViews();
  views.servicePortViews = [port];
  views.frontendViews = [
    { frontend: frontendOf(base), state: { kind: 'listening' } },
    { frontend: frontendOf(base, '10.96.0.2'), state: { kind: 'failed', code: 'EACCES', message: 'no' } },
    { frontend: frontendOf(servicePortNamed('other'), '10.96.0.3'), state: { kind: 'listening' } },
  ];
  const { response } = await read(views);
  const conditions = { serving: true, terminating: false, present: true };
  assert.deepEqual(response.servicePorts, [
    {
      namespace: 'default',
      service: 'web',
      port: 'http',
      protocol: 'TCP',
      family: 'IPv4',
      policy: 'roundRobin',
      affinityTimeoutSeconds: 10_800,
      affinityEntries: 2,
      frontends: [
        { vip: '10.96.0.1:80', state: 'listening' },
        { vip: '10.96.0.2:80', state: 'failed', code: 'EACCES' },
      ],
      totals: { ...nothing, active: 1, opened: 9, closed: 8, bytesFromEndpoint: 59 },
      endpoints: [
        {
          ...conditions,
          ...nothing,
          endpoint: '10.0.0.1:8080',
          ready: true,
          weight: 3,
          nodeName: 'node-a',
          zone: 'z1',
          eligible: true,
          active: 1,
          opened: 4,
          closed: 3,
          bytesFromEndpoint: 9,
        },
        { ...conditions, ...nothing, endpoint: '10.0.0.2:8080', ready: false, weight: 1, eligible: false },
      ],
    },
  ]);
});

test('an endpoint that has left and still carries flows comes last, and is not present', () => {
  const port = new FakeServicePort(servicePortNamed('web', [endpoint('10.0.0.1')]));
  const left = new Target(endpoint('10.0.0.9'));
  left.stats.active = 1;
  port.targets.set(left.endpoint.key, left);
  const { endpoints } = servicePortEntry(port, []);
  assert.deepEqual(
    endpoints.map((each) => [each.endpoint, each.present, each.eligible, each.active]),
    [
      ['10.0.0.1:8080', true, true, 0],
      ['10.0.0.9:8080', false, false, 1],
    ],
  );
});

test('an endpoint that no target stands for yet has carried nothing', () => {
  const port = new FakeServicePort(servicePortNamed('web', [endpoint('10.0.0.1')]));
  port.targets.clear();
  assert.equal(servicePortEntry(port, []).endpoints[0]?.opened, 0);
});

test('much is made in pieces, with turns of the event loop in between', async () => {
  const views = new FakeViews();
  views.servicePortViews = Array.from(
    { length: 1_000 },
    (_, index) => new FakeServicePort(servicePortNamed(`service-${index}`, [endpoint('10.0.0.1')])),
  );
  let turns = 0;
  let going = true;
  const turn = () => {
    turns += 1;
    if (going) setImmediate(turn);
  };
  setImmediate(turn);
  const { response, pieces } = await read(views);
  going = false;
  assert.equal(response.servicePorts.length, 1_000);
  assert.ok(pieces > 3 && turns >= pieces - 1, `${pieces} pieces, ${turns} turns`);
});

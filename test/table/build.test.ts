import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { FeedState } from '../../src/model/feed-state.ts';
import type { EndpointSlice, Service, SliceEndpoint } from '../../src/model/service.ts';
import { defaultSettings } from '../../src/model/settings.ts';
import { emptySnapshot, type Snapshot } from '../../src/model/snapshot.ts';
import { type BuildResult, buildSnapshot, type FeedInput, SnapshotBuilder } from '../../src/table/build.ts';
import { service, settingsWith, slice, sliceEndpoint } from '../support/model.ts';

const state = (services: readonly Service[], slices: readonly EndpointSlice[] = []): FeedState => ({
  services,
  slices,
});

function build(feeds: Record<string, FeedState>, previous: Snapshot = emptySnapshot): BuildResult {
  const inputs: FeedInput[] = Object.entries(feeds).map(([name, each]) => ({ name, state: each }));
  return buildSnapshot({ feeds: inputs, settings: defaultSettings }, previous);
}

/** `PROTOCOL/ip:port` to the keys of its endpoints. */
function shape({ frontends }: Snapshot): Record<string, string[]> {
  return Object.fromEntries(
    [...frontends.values()].map(({ key, servicePort }) => [key, servicePort.endpoints.map((endpoint) => endpoint.key)]),
  );
}

const six: Partial<EndpointSlice> = { family: 'IPv6' };
const two: Partial<Service> = {
  ports: [
    { name: 'http', port: 80, protocol: 'TCP' },
    { name: 'dns', port: 53, protocol: 'UDP' },
  ],
};

const rows: { name: string; feeds: Record<string, FeedState>; gives: Record<string, string[]> }[] = [
  { name: 'nothing', feeds: { a: state([]) }, gives: {} },
  {
    name: 'a service without slices has a frontend without endpoints',
    feeds: { a: state([service('web', ['127.9.0.1'])]) },
    gives: { '127.9.0.1:80/TCP': [] },
  },
  {
    name: 'all slices of a service are merged, doubles dropped',
    feeds: {
      a: state(
        [service('web', ['127.9.0.1'])],
        [slice('s1', 'web', ['127.1.0.1', '127.1.0.2']), slice('s2', 'web', ['127.1.0.2', '127.1.0.3'])],
      ),
    },
    gives: { '127.9.0.1:80/TCP': ['127.1.0.1:8080', '127.1.0.2:8080', '127.1.0.3:8080'] },
  },
  {
    name: 'a slice of another feed joins by the service',
    feeds: {
      a: state([service('web', ['127.9.0.1'])], [slice('s1', 'web', ['127.1.0.1'])]),
      b: state([], [slice('s1', 'web', ['127.1.0.2']), slice('s2', 'other', ['127.1.0.3'])]),
    },
    gives: { '127.9.0.1:80/TCP': ['127.1.0.1:8080', '127.1.0.2:8080'] },
  },
  {
    name: 'a slice counts once in its feed',
    feeds: {
      a: state([service('web', ['127.9.0.1'])], [slice('s1', 'web', ['127.1.0.1']), slice('s1', 'web', ['127.1.0.2'])]),
    },
    gives: { '127.9.0.1:80/TCP': ['127.1.0.1:8080'] },
  },
  {
    name: 'two slices with different ports serve one service',
    feeds: {
      a: state(
        [service('web', ['127.9.0.1'], two)],
        [
          slice('s1', 'web', ['127.1.0.1']),
          slice('s2', 'web', ['127.1.0.2'], {
            ports: [
              { name: 'dns', port: 5353, protocol: 'UDP' },
              { name: 'http', port: 8081, protocol: 'TCP' },
            ],
          }),
        ],
      ),
    },
    gives: { '127.9.0.1:80/TCP': ['127.1.0.1:8080', '127.1.0.2:8081'], '127.9.0.1:53/UDP': ['127.1.0.2:5353'] },
  },
  {
    name: 'ports match by name and protocol, not by number',
    feeds: {
      a: state(
        [service('web', ['127.9.0.1'])],
        [
          slice('s1', 'web', ['127.1.0.1'], { ports: [{ name: 'http', port: 80, protocol: 'UDP' }] }),
          slice('s2', 'web', ['127.1.0.2'], { ports: [{ name: 'https', port: 80, protocol: 'TCP' }] }),
        ],
      ),
    },
    gives: { '127.9.0.1:80/TCP': [] },
  },
  {
    name: 'TCP and UDP share a port number',
    feeds: {
      a: state(
        [
          service('dns', ['127.9.0.1'], {
            ports: [
              { name: 'dns', port: 53, protocol: 'TCP' },
              { name: 'dns', port: 53, protocol: 'UDP' },
            ],
          }),
        ],
        [slice('s1', 'dns', ['127.1.0.1'], { ports: [{ name: 'dns', port: 5353, protocol: 'UDP' }] })],
      ),
    },
    gives: { '127.9.0.1:53/TCP': [], '127.9.0.1:53/UDP': ['127.1.0.1:5353'] },
  },
  {
    name: 'dual stack: an endpoint serves its own family',
    feeds: {
      a: state(
        [service('web', ['127.9.0.1', 'fd00::1'])],
        [slice('s1', 'web', ['127.1.0.1']), slice('s2', 'web', ['fd00::2'], six)],
      ),
    },
    gives: { '127.9.0.1:80/TCP': ['127.1.0.1:8080'], '[fd00::1]:80/TCP': ['[fd00::2]:8080'] },
  },
  {
    name: 'Kubernetes services never cross families',
    feeds: { a: state([service('web', ['fd00::1'])], [slice('s1', 'web', ['127.1.0.1'])]) },
    gives: { '[fd00::1]:80/TCP': [] },
  },
  {
    name: 'crossFamily: the other family, where the own has none',
    feeds: {
      a: state(
        [
          service('web', ['127.9.0.1', 'fd00::1'], { crossFamily: true }),
          service('six', ['127.9.0.2'], { crossFamily: true }),
        ],
        [slice('s1', 'web', ['127.1.0.1']), slice('s2', 'six', ['fd00::2'], six)],
      ),
    },
    gives: {
      '127.9.0.1:80/TCP': ['127.1.0.1:8080'],
      '[fd00::1]:80/TCP': ['127.1.0.1:8080'],
      '127.9.0.2:80/TCP': ['[fd00::2]:8080'],
    },
  },
  {
    name: 'crossFamily: one endpoint of the own family, even if not ready, is enough',
    feeds: {
      a: state(
        [service('web', ['fd00::1'], { crossFamily: true })],
        [slice('s1', 'web', ['127.1.0.1']), slice('s2', 'web', [sliceEndpoint('fd00::2', { ready: false })], six)],
      ),
    },
    gives: { '[fd00::1]:80/TCP': ['[fd00::2]:8080'] },
  },
  {
    name: 'several VIPs of a family, one said twice',
    feeds: {
      a: state([service('web', ['127.9.0.1', '127.9.0.2', '127.9.0.1'])], [slice('s1', 'web', ['127.1.0.1'])]),
    },
    gives: { '127.9.0.1:80/TCP': ['127.1.0.1:8080'], '127.9.0.2:80/TCP': ['127.1.0.1:8080'] },
  },
];

for (const { name, feeds, gives } of rows) {
  test(`build: ${name}`, () => {
    const { snapshot, problems } = build(feeds);
    assert.deepEqual(shape(snapshot), gives);
    assert.deepEqual(problems, []);
    assert.equal(snapshot.version, Object.keys(gives).length === 0 ? 0 : 1);
  });
}

test('what is not proxied is there to be seen', () => {
  const headless = service('web', [], { notProxied: 'headless' });
  const { snapshot } = buildSnapshot(
    { feeds: [{ name: 'a', state: state([headless]) }], settings: defaultSettings },
    emptySnapshot,
  );
  assert.deepEqual([...snapshot.services.values()], [headless]);
  assert.deepEqual([snapshot.servicePorts.size, snapshot.frontends.size], [0, 0]);
});

test('a service port carries what its service says, and the eligible endpoints', () => {
  const web = service('web', ['127.9.0.1', '127.9.0.2'], {
    affinityTimeoutMs: 5_000,
    settings: { policy: 'maglev', tcp: { connectTimeoutMs: 7 } },
  });
  const slices = [
    slice('s1', 'web', ['127.1.0.1', sliceEndpoint('127.1.0.2', { ready: false, zone: 'z', weight: 3 })]),
  ];
  const { snapshot } = build({ a: state([web], slices) });
  assert.equal(snapshot.servicePorts.size, 1);
  const [servicePort] = snapshot.servicePorts.values();
  assert.ok(servicePort);
  assert.equal(servicePort.key, 'default/web:http/TCP/IPv4');
  assert.equal(servicePort.affinityTimeoutMs, 5_000);
  assert.equal(servicePort.settings.policy, 'maglev');
  assert.deepEqual(servicePort.settings.tcp, { ...defaultSettings.tcp, connectTimeoutMs: 7 });
  assert.deepEqual(
    servicePort.endpoints.map(({ zone, weight }) => [zone, weight]),
    [
      [undefined, 1],
      ['z', 3],
    ],
  );
  assert.deepEqual(servicePort.eligible, servicePort.endpoints.slice(0, 1));
  for (const frontend of snapshot.frontends.values()) assert.equal(frontend.servicePort, servicePort);
});

test('TABLE_SERVICE_DUPLICATE: the first feed defines the service, the other is named', () => {
  const { snapshot, problems } = build({
    inline: state([service('web', ['127.9.0.1'])]),
    cluster: state([service('web', ['127.9.0.2'])]),
  });
  assert.deepEqual(Object.keys(shape(snapshot)), ['127.9.0.1:80/TCP']);
  assert.deepEqual(
    problems.map(({ code }) => code),
    ['TABLE_SERVICE_DUPLICATE'],
  );
  for (const word of [/default\/web/, /inline/, /cluster/]) assert.match(problems[0]?.message ?? '', word);
});

test('TABLE_VIP_CONFLICT: the first service has the VIP:PORT, both are named, other ports are not touched', () => {
  const { snapshot, problems } = build({
    inline: state([service('one', ['127.9.0.1'])], [slice('s1', 'one', ['127.1.0.1'])]),
    cluster: state([service('two', ['127.9.0.1'], two)], [slice('s2', 'two', ['127.1.0.2'])]),
  });
  assert.deepEqual(shape(snapshot), { '127.9.0.1:80/TCP': ['127.1.0.1:8080'], '127.9.0.1:53/UDP': [] });
  assert.deepEqual(
    problems.map(({ code }) => code),
    ['TABLE_VIP_CONFLICT'],
  );
  for (const word of [/127\.9\.0\.1:80\/TCP/, /default\/one/, /default\/two/, /cluster/]) {
    assert.match(problems[0]?.message ?? '', word);
  }
});

test('TABLE_VIP_CONFLICT: the second has the VIP:PORT once the first is gone', () => {
  const builder = new SnapshotBuilder();
  const settings = defaultSettings;
  const [one, other] = [service('one', ['127.9.0.1']), service('two', ['127.9.0.1'])];
  builder.build({ feeds: [{ name: 'a', state: state([one, other]) }], settings });
  const { snapshot, problems } = builder.build({ feeds: [{ name: 'a', state: state([other]) }], settings });
  assert.deepEqual(
    [...snapshot.frontends.values()].map((frontend) => frontend.servicePort.service),
    ['default/two'],
  );
  assert.deepEqual(problems, []);
});

test('TABLE_PORT_DUPLICATE: of two ports with one name the first is served', () => {
  const ports = [80, 81].map((port) => ({ name: 'http', port, protocol: 'TCP' as const }));
  const { snapshot, problems } = build({ a: state([service('web', ['127.9.0.1'], { ports })]) });
  assert.deepEqual(Object.keys(shape(snapshot)), ['127.9.0.1:80/TCP']);
  assert.deepEqual(
    problems.map(({ code }) => code),
    ['TABLE_PORT_DUPLICATE'],
  );
  for (const word of [/default\/web/, /'http'/, /80/, /81/]) assert.match(problems[0]?.message ?? '', word);
});

/** Two services; `edit` changes the second's slice. */
interface Edit extends Partial<SliceEndpoint> {
  readonly extra?: string;
  readonly policy?: 'random';
  readonly affinityTimeoutMs?: number;
}

function world(edit: Edit = {}): FeedState {
  const { extra, policy, affinityTimeoutMs, ...over } = edit;
  return state(
    [
      service('one', ['127.9.0.1'], { settings: { maxFlowsPerService: 9 } }),
      service('two', ['127.9.0.2'], {
        ...(policy === undefined ? {} : { settings: { policy } }),
        ...(affinityTimeoutMs === undefined ? {} : { affinityTimeoutMs }),
      }),
    ],
    [
      slice('s1', 'one', ['127.1.0.1', '127.1.0.2']),
      slice('s2', 'two', [sliceEndpoint('127.1.0.3'), sliceEndpoint('127.1.0.4', over), ...(extra ? [extra] : [])]),
    ],
  );
}

test('building equal objects again gives the same snapshot', () => {
  const { snapshot } = build({ a: world() });
  assert.equal(build({ a: world() }, snapshot).snapshot, snapshot);
});

const edits: { name: string; edit: Edit; sameEndpoints: number; sameEligible: boolean }[] = [
  { name: 'a condition', edit: { ready: false }, sameEndpoints: 1, sameEligible: false },
  { name: 'a weight', edit: { weight: 2 }, sameEndpoints: 1, sameEligible: false },
  { name: 'a node', edit: { nodeName: 'n' }, sameEndpoints: 1, sameEligible: false },
  { name: 'an affinity', edit: { affinityTimeoutMs: 1 }, sameEndpoints: 2, sameEligible: true },
  { name: 'a zone', edit: { zone: 'z' }, sameEndpoints: 1, sameEligible: false },
  { name: 'an endpoint that is added', edit: { extra: '127.1.0.5' }, sameEndpoints: 2, sameEligible: false },
  { name: 'a policy', edit: { policy: 'random' }, sameEndpoints: 2, sameEligible: true },
];

for (const { name, edit, sameEndpoints, sameEligible } of edits) {
  test(`what does not change is the same object: ${name}`, () => {
    const before = build({ a: world() }).snapshot;
    const after = build({ a: world(edit) }, before).snapshot;
    assert.equal(after.version, before.version + 1);
    const [[one, two], [oneAfter, twoAfter]] = [[...before.frontends.values()], [...after.frontends.values()]];
    assert.ok(one && two && oneAfter && twoAfter);
    assert.equal(oneAfter, one);
    assert.notEqual(twoAfter, two);
    assert.notEqual(twoAfter.servicePort, two.servicePort);
    const same = twoAfter.servicePort.endpoints.filter((endpoint) => two.servicePort.endpoints.includes(endpoint));
    assert.equal(same.length, sameEndpoints);
    assert.equal(twoAfter.servicePort.settings === two.servicePort.settings, edit.policy === undefined);
    assert.equal(twoAfter.servicePort.eligible === two.servicePort.eligible, sameEligible);
  });
}

test('process settings reach the services that do not override them; the others stay the same object', () => {
  const before = build({ a: world({ policy: 'random' }) }).snapshot;
  const input = {
    feeds: [{ name: 'a', state: world({ policy: 'random' }) }],
    settings: settingsWith({ policy: 'maglev' }),
  };
  const after = buildSnapshot(input, before).snapshot;
  const changed = [...after.servicePorts.values()].filter((port) => before.servicePorts.get(port.key) !== port);
  assert.deepEqual(
    changed.map(({ name, settings }) => [name, settings.policy]),
    [['one', 'maglev']],
  );
});

test('a builder gives what the one-shot form gives, whatever it has cached', () => {
  const builder = new SnapshotBuilder();
  let plain = emptySnapshot;
  for (const edit of [{}, { ready: false }, {}, { extra: '127.1.0.9' }, { policy: 'random' as const }, {}]) {
    const input = { feeds: [{ name: 'a', state: world(edit) }], settings: defaultSettings };
    plain = buildSnapshot(input, plain).snapshot;
    assert.deepEqual(builder.build(input).snapshot, plain);
    const before = builder.snapshot;
    assert.equal(builder.build(input).snapshot, before);
  }
});

test('a builder sees a new slice of a service that is the same object', () => {
  const builder = new SnapshotBuilder();
  const web = service('web', ['127.9.0.1']);
  for (const backend of ['127.1.0.1', '127.1.0.2']) {
    const feeds = [{ name: 'a', state: state([web], [slice('s1', 'web', [backend])]) }];
    const { snapshot } = builder.build({ feeds, settings: defaultSettings });
    assert.deepEqual(shape(snapshot), { '127.9.0.1:80/TCP': [`${backend}:8080`] });
  }
});

test('another VIP changes the snapshot, and no service port', () => {
  const before = build({ a: state([service('web', ['127.9.0.1'])]) }).snapshot;
  const after = build({ a: state([service('web', ['127.9.0.1', '127.9.0.2'])]) }, before).snapshot;
  assert.deepEqual(Object.keys(shape(after)), ['127.9.0.1:80/TCP', '127.9.0.2:80/TCP']);
  assert.deepEqual([...after.servicePorts.values()], [...before.servicePorts.values()]);
});

const running = sliceEndpoint('127.1.0.1', { zone: 'running' });
const starting = sliceEndpoint('127.1.0.1', { zone: 'starting', ready: false, serving: false });
const ending = sliceEndpoint('127.1.0.1', { zone: 'ending', ready: false, terminating: true });
const ended = sliceEndpoint('127.1.0.1', { zone: 'ended', ready: false, serving: false, terminating: true });
const published = sliceEndpoint('127.1.0.1', { zone: 'published', terminating: true });
const doubles: readonly (readonly [name: string, counts: SliceEndpoint, other: SliceEndpoint])[] = [
  ['ready before not ready', running, starting],
  ['what runs before what serves while it terminates', running, ending],
  ['what runs, though not ready yet, before what terminates', starting, ending],
  ['the same where what terminates is published as ready', starting, published],
  ['of those that terminate, one that is ready', published, ending],
  ['of those that terminate, one that serves', ending, ended],
];
for (const [name, counts, other] of doubles) {
  test(`of two endpoints with one ip:port: ${name}`, () => {
    const last = sliceEndpoint('127.1.0.2');
    for (const [one, two] of [
      [counts, other],
      [other, counts],
    ] as const) {
      for (const slices of [
        [slice('s1', 'web', [one, last]), slice('s2', 'web', [two])],
        [slice('s1', 'web', [one, two, last])],
      ]) {
        const [port] = build({ a: state([service('web', ['127.9.0.1'])], slices) }).snapshot.servicePorts.values();
        assert.deepEqual(
          port?.endpoints.map(({ address, zone }) => zone ?? address),
          [counts.zone, '127.1.0.2'],
        );
      }
    }
  });
}

test('of two endpoints with one ip:port that are equally good the first counts', () => {
  const [one, two] = ['a', 'b'].map((zone, index) => slice(`s${index}`, 'web', [sliceEndpoint('127.1.0.1', { zone })]));
  assert.ok(one !== undefined && two !== undefined);
  const [port] = build({ a: state([service('web', ['127.9.0.1'])], [one, two]) }).snapshot.servicePorts.values();
  assert.deepEqual(
    port?.endpoints.map(({ zone }) => zone),
    ['a'],
  );
});

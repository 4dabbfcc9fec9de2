import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import fc from 'fast-check';
import { formatProblem } from '../../src/base/errors.ts';
import type { ProcessConfig } from '../../src/config/load.ts';
import { loadConfig, parseConfig } from '../../src/config/load.ts';
import { defaultSettings } from '../../src/model/settings.ts';

function configOf(text: string): ProcessConfig {
  const result = parseConfig(text, '/etc/sluice/sluice.yaml');
  assert.equal(result.kind, 'ok', result.kind === 'invalid' ? result.problems.map(formatProblem).join('\n') : '');
  if (result.kind !== 'ok') throw new Error('unreachable');
  return result.config;
}

function problemsOf(text: string): readonly string[] {
  const result = parseConfig(text, 'c.yaml');
  return result.kind === 'ok' ? [] : result.problems.map(formatProblem);
}

test('every setting has a default', () => {
  const expected: ProcessConfig = {
    engine: 'auto',
    threads: 'auto',
    mark: 0,
    nativeOnly: [],
    log: { level: 'info', access: { level: 'debug', sample: 1 } },
    admin: { listen: { kind: 'tcp', address: '127.0.0.1' as never, port: 9090 } },
    health: { listen: { kind: 'off' } },
    node: { podCidrs: [], nodePortAddresses: [] },
    settings: defaultSettings,
    tcp: { backlog: 4_096 },
    udp: {
      maxSessions: 16_384,
      maxSessionsPerClient: 4_096,
      receiveBufferBytes: 2 * 1024 ** 2,
      sendBufferBytes: 1024 ** 2,
    },
    limits: { flows: 'auto', affinityEntries: 65_536 },
    drainTimeoutMs: 30_000,
    vip: {
      mode: 'listen',
      listen: { freeBind: false },
      assign: { interface: 'lo', anyIp: [] },
      redirect: { via: 'dnat', from: [] },
    },
    inline: { services: [], slices: [] },
    feeds: [],
  };
  assert.deepEqual(configOf('{}'), expected);
  assert.deepEqual(configOf('# all defaults\n'), expected);
  assert.deepEqual(configOf('log: {}\nadmin: {}\ntcp: {}\nudp: {}\nlimits: {}'), expected);
});

test('units are resolved', () => {
  const config = configOf(`
tcp: { connectTimeout: 250ms, connectBudget: 1m30s, idleTimeout: never, buffer: 64KiB, keepAlive: off, backlog: 16 }
udp: { idleTimeout: 5s, receiveBuffer: 1MB, sendBuffer: 65536 }
limits: { flows: 10, flowsPerFrontend: 5, flowsPerService: off }
drainTimeout: 0
endpointDrainTimeout: 2h
policy: maglev
`);
  const { settings } = config;
  assert.equal(settings.tcp.connectTimeoutMs, 250);
  assert.equal(settings.tcp.connectBudgetMs, 90_000);
  assert.equal(settings.tcp.idleTimeoutMs, Number.POSITIVE_INFINITY);
  assert.equal(settings.tcp.bufferBytes, 65_536);
  assert.equal(settings.tcp.keepAliveMs, Number.POSITIVE_INFINITY);
  assert.equal(settings.udp.idleTimeoutMs, 5_000);
  assert.equal(settings.maxFlowsPerFrontend, 5);
  assert.equal(settings.maxFlowsPerService, Number.POSITIVE_INFINITY);
  assert.equal(settings.endpointDrainTimeoutMs, 7_200_000);
  assert.equal(settings.policy, 'maglev');
  assert.equal(config.udp.receiveBufferBytes, 1_000_000);
  assert.equal(config.udp.sendBufferBytes, 65_536);
  assert.equal(config.limits.flows, 10);
  assert.equal(config.drainTimeoutMs, 0);
});

test('what only the native engine can do is named, and contradicts engine: net', () => {
  const text = `
mark: 0x5c
vip: { listen: { freeBind: true } }
tcp: { userTimeout: 30s, deferAccept: 1s }
services:
  - { name: web, vip: 10.96.0.1, ports: [{ port: 80 }], clientAddress: keep, tcp: { userTimeout: 5s, deferAccept: off } }
`;
  const config = configOf(text);
  assert.deepEqual(
    [config.mark, config.settings.tcp.userTimeoutMs, config.settings.tcp.deferAcceptMs],
    [92, 30_000, 1_000],
  );
  const ofService = ['services[0].clientAddress', 'services[0].tcp.userTimeout'];
  const keys = ['mark', 'vip.listen.freeBind', 'tcp.userTimeout', 'tcp.deferAccept', ...ofService];
  assert.deepEqual(
    config.nativeOnly.map(({ key }) => key),
    keys,
  );
  const problems = problemsOf(`engine: net${text}`);
  assert.equal(problems.length, keys.length);
  assert.equal(
    problems[0],
    'c.yaml:2:1: mark: engine: net cannot do this; use engine: native, or take it out [CONFIG_ENGINE]',
  );
});

test('tproxy is for the native engine', () => {
  const text = 'vip: { mode: redirect, redirect: { via: tproxy } }';
  assert.deepEqual(configOf(text).nativeOnly, [
    { key: 'vip.redirect.via', path: ['vip', 'redirect', 'via'], needs: 'IP_TRANSPARENT' },
  ]);
  assert.deepEqual(configOf('vip: { mode: listen, redirect: { via: tproxy } }').nativeOnly, []);
});

for (const mark of ['0', '-1', '4294967296', '1.5', 'red']) {
  test(`${mark} is no mark`, () => {
    assert.match(
      problemsOf(`mark: ${mark}`)[0] ?? '',
      /c\.yaml:1:1: mark: expected (a number from 1 to 4294967295 \(0xffffffff\), or off|at (least 1|most 4294967295))/,
    );
  });
}

test('PROXY protocol: networks are brought to their canonical form', () => {
  const { settings } = configOf(`
proxyProtocol: { send: v1, sendUdp: v2, accept: { from: [10.1.2.3/8, "FD00:0::/16", 192.0.2.1, "0.0.0.0/0"], fromUdp: [10.9.8.7/16], timeout: 2s } }`);
  assert.deepEqual([settings.tcp.sendProxy, settings.udp.sendProxy], ['v1', 'v2']);
  assert.deepEqual(settings.udp.acceptProxyFrom, ['10.9.0.0/16']);
  assert.deepEqual(settings.tcp.acceptProxyFrom, ['10.0.0.0/8', 'fd00::/16', '192.0.2.1', '0.0.0.0/0']);
  assert.equal(settings.tcp.proxyHeaderTimeoutMs, 2_000);
});

for (const network of ['10.0.0.0/33', 'fd00::/129', 'example.org', '10.0.0.0/8/8', '10.0.0/8', '']) {
  test(`"${network}" is no network that could be trusted`, () => {
    const [problem = ''] = problemsOf(`proxyProtocol: { accept: { from: ["${network}"] } }`);
    assert.match(problem, /c\.yaml:1:\d+: .*is not a CIDR or an address, such as 10\.0\.0\.0\/8/);
  });
}

const listens: readonly [string, object][] = [
  ['127.0.0.1:9090', { kind: 'tcp', address: '127.0.0.1', port: 9090 }],
  ['[::1]:0', { kind: 'tcp', address: '::1', port: 0 }],
  ['0.0.0.0:80', { kind: 'tcp', address: '0.0.0.0', port: 80 }],
  ['unix:/run/sluice.sock', { kind: 'unix', path: '/run/sluice.sock' }],
  ['off', { kind: 'off' }],
];
for (const [text, listen] of listens)
  test(`admin.listen: ${text}`, () => assert.deepEqual(configOf(`admin: { listen: "${text}" }`).admin.listen, listen));

test('feed paths start at the folder of the configuration', () => {
  const config = configOf('feeds: [{ file: { path: ./services } }, { file: { path: /abs.yaml } }]');
  assert.deepEqual(config.feeds, [
    { kind: 'file', path: '/etc/sluice/services' },
    { kind: 'file', path: '/abs.yaml' },
  ]);
});

const web = (rest: string) => `services:\n  - name: web\n    vip: 10.96.0.1\n${rest.replace(/^/gm, '    ')}`;
const ports = 'ports: [{ port: 80 }]\n';
const rows: readonly [string, string, RegExp][] = [
  [
    'an unknown key at the top',
    'feed: []',
    /^c.yaml:1:1: feed: unknown key "feed"; did you mean "feeds"\? \[CONFIG_UNKNOWN_KEY\]$/,
  ],
  [
    'an unknown key deep inside',
    web('ports: [{ prot: 80, port: 80 }]'),
    /services\[0\].ports\[0\].prot: unknown key "prot"; did you mean "port"\?/,
  ],
  ['an unknown key in another case', 'LOG: {}', /did you mean "log"\?/],
  ['an unknown key like nothing', 'zzzzzzz: 1', /the keys here are engine, threads, mark, log, admin/],
  [
    'an unknown key of a backend',
    web(`${ports}backends: [{ address: 10.0.0.1, wieght: 1 }]`),
    /c.yaml:5:37: .*"weight"/,
  ],
  ['a time without a unit', 'drainTimeout: 30', /drainTimeout: expected a time .*, found 30 \[CONFIG_TYPE\]/],
  ['a time of nothing', 'tcp: { connectTimeout: 0s }', /"0s" is not a time longer than 0/],
  [
    'a time that is no time',
    'tcp: { idleTimeout: soon }',
    /"soon" is not a time with its unit, such as 5s or 2h, or off/,
  ],
  ['a size out of range', 'tcp: { buffer: 1KiB }', /"1KiB" is not a size between 4096 and/],
  ['a size that is no size', 'tcp: { buffer: big }', /"big" is not a size/],
  ['a number out of range', 'log: { access: { sample: 2 } }', /log.access.sample: expected at most 1/],
  ['a count of nothing', 'limits: { flows: 0 }', /limits.flows: expected at least 1/],
  [
    'a count that is no count',
    'limits: { flowsPerService: many }',
    /a whole number of at least 1, or off, found "many"/,
  ],
  ['a word that is not one of the words', 'log: { level: loud }', /found "loud"; write fatal or error or/],
  ['a list in place of a map', 'log: []', /log: expected a map, found a list/],
  ['nothing in place of a map', 'log:', /log: expected a map, found nothing/],
  ['a text in place of it all', 'hello', /expected a map, found "hello"/],
  ['a listener that is none', 'admin: { listen: "localhost:80" }', /"localhost:80" is not an address and port/],
  ['a port that is none', web('ports: [{ port: 65536 }]'), /services\[0\].ports\[0\].port: 65536 is not a port/],
  ['a missing port', web('ports: [{}]'), /ports\[0\].port: this key is missing \[CONFIG_MISSING_KEY\]/],
  ['no ports', web('ports: []'), /a service needs at least one port/],
  ['a protocol that is none', web('ports: [{ port: 80, protocol: tcp }]'), /found "tcp"; write TCP or UDP/],
  [
    'several ports without names',
    web('ports: [{ port: 80, name: a }, { port: 81 }]'),
    /c.yaml:4:36: services\[0\].ports\[1\]: a port needs a name/,
  ],
  ['two ports of one name', web('ports: [{ port: 80, name: a }, { port: 81, name: a }]'), /two ports are named "a"/],
  ['one port twice', web('ports: [{ port: 80, name: a }, { port: 80, name: b }]'), /80\/TCP is there twice/],
  ['no vip', `services: [{ name: web, ${ports.trim()} }]`, /a service needs vip/],
  ['vip and vips', web(`${ports}vips: [10.0.0.1]`), /vip and vips are both there/],
  ['one vip twice', `services: [{ name: web, vips: ["::1", "0::1"], ${ports.trim()} }]`, /::1 is in the list twice/],
  [
    'the wildcard as vip',
    `services: [{ name: web, vip: 0.0.0.0, ${ports.trim()} }]`,
    /"0.0.0.0" cannot be used: it is the wildcard/,
  ],
  ['the wildcard of IPv6 as vip', `services: [{ name: web, vip: "::", ${ports.trim()} }]`, /it is the wildcard/],
  ['a multicast vip', `services: [{ name: web, vip: 224.0.0.1, ${ports.trim()} }]`, /multicast/],
  ['a multicast vip of IPv6', `services: [{ name: web, vip: "ff02::1", ${ports.trim()} }]`, /multicast/],
  ['the broadcast address as vip', `services: [{ name: web, vip: 255.255.255.255, ${ports.trim()} }]`, /broadcast/],
  ['IPv4 inside IPv6', `services: [{ name: web, vip: "::ffff:a00:1", ${ports.trim()} }]`, /write the IPv4 address/],
  [
    'a vip that is no address',
    `services: [{ name: web, vip: web.local, ${ports.trim()} }]`,
    /"web.local" is not an IP address/,
  ],
  ['a name that is none', `services: [{ name: Web_1, vip: 10.0.0.1, ${ports.trim()} }]`, /"Web_1" is not a name/],
  [
    'a backend that is none',
    web(`${ports}backends: [10.0.0]`),
    /services\[0\].backends\[0\]: "10.0.0" is not a backend: write ip/,
  ],
  ['a backend port that is none', web(`${ports}backends: ["10.0.0.1:99999"]`), /is not a backend/],
  ['the wildcard as backend', web(`${ports}backends: ["0.0.0.0:80"]`), /is not a backend: it is the wildcard/],
  ['a backend of another type', web(`${ports}backends: [7]`), /expected a text or a map, found 7/],
  ['a weight below zero', web(`${ports}backends: [{ address: 10.0.0.1, weight: -1 }]`), /weight: expected at least 0/],
  [
    'one backend twice',
    web(`${ports}backends: [10.0.0.1, "10.0.0.1:80"]`),
    /backends\[1\]: 10.0.0.1:80 is there twice; give it a weight/,
  ],
  [
    'an affinity that is none',
    web(`${ports}sessionAffinity: Cookie`),
    /expected None or ClientIP or a map, found "Cookie"/,
  ],
  [
    'an affinity of nothing',
    web(`${ports}sessionAffinity: { clientIP: { timeoutSeconds: 0 } }`),
    /timeoutSeconds is at least 1/,
  ],
  [
    'an affinity of more than a day',
    web(`${ports}sessionAffinity: { clientIP: { timeoutSeconds: 86401 } }`),
    /at most 86400/,
  ],
  ['a policy that is none', web(`${ports}policy: fastest`), /found "fastest"; write roundRobin or/],
  ['a backlog for one service', web(`${ports}tcp: { backlog: 1 }`), /unknown key "backlog"/],
  ['a syntax error', 'log: {', /^c.yaml:\d+:\d+: .*\[CONFIG_SYNTAX\]$/],
];
for (const [name, text, message] of rows) {
  test(`${name} is a problem`, () => {
    const problems = problemsOf(text);
    assert.equal(problems.length, 1, problems.join('\n'));
    assert.match(problems[0] ?? '', message);
    assert.match(problems[0] ?? '', /^c\.yaml:\d+:\d+: /);
  });
}

test('two services of one name, and of one VIP:PORT, are problems', () => {
  const service = (name: string, port: string) => `{ name: ${name}, vip: 10.0.0.1, ports: [{ port: ${port} }] }`;
  assert.match(
    problemsOf(`services: [${service('a', '1')}, ${service('a', '2')}]`).join(),
    /another service default\/a/,
  );
  const [taken] = problemsOf(`services: [${service('a', '1')}, ${service('b', '1')}]`);
  assert.match(taken ?? '', /services\[1\].ports\[0\].port: 10.0.0.1:1\/TCP belongs to service default\/a already/);
  assert.deepEqual(problemsOf(`services: [${service('a', '1')}, ${service('b', '1, protocol: UDP')}]`), []);
});

test('all problems are told at once, in the order of the file', () => {
  const problems = problemsOf(`log: { level: loud }
services:
  - { name: a, vip: 0.0.0.0, ports: [{ port: 0 }] }
  - { name: b, ports: [{ port: 1 }] }
drain: 3
`);
  assert.deepEqual(
    problems.map((problem) => problem.split(': ')[1]),
    ['log.level', 'services[0].vip', 'services[0].ports[0].port', 'services[1]', 'drain'],
  );
});

test('a file that cannot be read is a problem', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-load-'));
  t.after(() => rmSync(folder, { recursive: true }));
  const missing = await loadConfig(join(folder, 'none.yaml'));
  assert.equal(missing.kind === 'invalid' && missing.problems[0].code, 'FILE_UNREADABLE');
  writeFileSync(join(folder, 'c.yaml'), 'drainTimeout: 1s');
  const loaded = await loadConfig(join(folder, 'c.yaml'));
  assert.equal(loaded.kind === 'ok' && loaded.config.drainTimeoutMs, 1_000);
});

test('a long value is cut in the message', () => {
  const [problem] = problemsOf(`log: { level: ${'x'.repeat(100_000)} }`);
  assert.ok((problem ?? '').length < 200);
  assert.match(problem ?? '', /xxx\.\.\.; write fatal/);
});

test('whatever a configuration holds, it is read or its problems are told', () => {
  const junk = fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom('5s', 'off', 80, '10.0.0.1', null, [], {}));
  const service = fc.record(
    { name: junk, vip: junk, vips: junk, ports: junk, backends: junk, sessionAffinity: junk, tcp: junk, limits: junk },
    { requiredKeys: [] },
  );
  const config = fc.record(
    { log: junk, admin: junk, tcp: junk, services: fc.oneof(junk, fc.array(fc.oneof(junk, service))), feeds: junk },
    { requiredKeys: [] },
  );
  const property = fc.property(config, (value) => {
    const result = parseConfig(JSON.stringify(value), 'c.yaml');
    assert.ok(result.kind === 'ok' || result.problems.length > 0);
  });
  fc.assert(property, { numRuns: 1_000 });
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatherFacts, type HostFacts, type SysctlName } from '../../src/vip/facts.ts';
import type { Asked } from '../../src/vip/finding.ts';
import { diagnose } from '../../src/vip/findings.ts';
import { FakePrograms, failing } from './support.ts';

const asked: Asked = {
  mode: 'redirect',
  lowestPort: 80,
  families: new Set(['IPv4']),
  receiveBufferBytes: 2_097_152,
  sendBufferBytes: 1_048_576,
  backlog: 4_096,
  nativeOnly: [],
  engine: 'auto',
  addonMissing: undefined,
  ioUringRefused: undefined,
};
const keeping = { key: 'services[0].clientAddress', needs: 'IP_TRANSPARENT' };
const usable = { kind: 'usable', version: '1.0.6' } as const;
const sysctls: readonly [SysctlName, string][] = [
  ['net.ipv4.ip_unprivileged_port_start', '1024'],
  ['net.ipv4.ip_nonlocal_bind', '0'],
  ['net.ipv6.ip_nonlocal_bind', '1'],
  ['net.ipv4.conf.all.route_localnet', '0'],
  ['net.core.somaxconn', '4096'],
  ['net.ipv4.ip_local_port_range', '32768 60999'],
  ['net.core.rmem_max', '4194304'],
  ['net.core.wmem_max', '4194304'],
  ['kernel.io_uring_disabled', '0'],
];
const good: HostFacts = {
  kernel: '6.18.0',
  netAdmin: true,
  netBindService: true,
  programsNetAdmin: true,
  ip: usable,
  nft: usable,
  conntrack: usable,
  sysctls: new Map(sysctls),
  defaultRoutes: { IPv4: true, IPv6: false },
  waysBack: { IPv4: true, IPv6: true },
  seccomp: false,
  files: { soft: 1_024, hard: 1_048_576 },
};
const noNetAdmin = { netAdmin: false, programsNetAdmin: false };
const withSysctl = (name: SysctlName, value: string): HostFacts => ({
  ...good,
  sysctls: new Map([...sysctls, [name, value]]),
});

test('a host on which everything is right', () => {
  const { findings, suggestion } = diagnose(good, asked);
  assert.deepEqual(
    findings.filter(({ verdict }) => verdict !== 'ok'),
    [],
  );
  assert.equal(suggestion, 'redirect');
});

const rows: readonly [string, HostFacts, Partial<Asked>, string, 'ok' | 'poor' | 'unusable', RegExp][] = [
  [
    'no native engine, and none is wanted',
    good,
    { addonMissing: 'it was not built', engine: 'net' },
    'native engine',
    'ok',
    /npm run build:native/,
  ],
  [
    'no native engine, and nothing needs it',
    good,
    { addonMissing: 'it was not built' },
    'native engine',
    'poor',
    /npm run build:native/,
  ],
  [
    'no native engine, and no other is wanted',
    good,
    { addonMissing: 'it was not built', engine: 'native' },
    'native engine',
    'unusable',
    /npm run build:native/,
  ],
  [
    'io_uring that is off',
    withSysctl('kernel.io_uring_disabled', '2'),
    { ioUringRefused: 'EPERM' },
    'io_uring',
    'poor',
    /^sysctl -w kernel\.io_uring_disabled=0$/,
  ],
  [
    'io_uring for a group',
    withSysctl('kernel.io_uring_disabled', '1'),
    { ioUringRefused: 'EPERM' },
    'io_uring',
    'poor',
    /^sysctl -w kernel\.io_uring_group=GID/,
  ],
  [
    'io_uring that a container forbids',
    { ...good, seccomp: true },
    { ioUringRefused: 'EPERM' },
    'io_uring',
    'poor',
    /^--security-opt seccomp=.*SystemCallFilter=@aio/,
  ],
  ['io_uring that the kernel has not', good, { ioUringRefused: 'ENOSYS' }, 'io_uring', 'poor', /^Linux 5\.6/],
  [
    'io_uring where it is off and nobody asks',
    good,
    { ioUringRefused: 'EPERM', engine: 'net' },
    'io_uring',
    'ok',
    /^$/,
  ],
  ['io_uring in a filter that lets it pass', { ...good, seccomp: true }, {}, 'io_uring', 'ok', /^$/],
  [
    'no native engine',
    good,
    { addonMissing: 'it was not built', nativeOnly: [{ key: 'tcp.userTimeout' }] },
    'native engine',
    'unusable',
    /npm run build:native/,
  ],
  [
    'no capability to keep clients',
    { ...good, ...noNetAdmin },
    { mode: 'listen', nativeOnly: [keeping, { key: 'tcp.userTimeout' }] },
    'SO_MARK, IP_TRANSPARENT',
    'unusable',
    /CAP_NET_ADMIN/,
  ],
  [
    'kept clients, and no way back to them',
    { ...good, waysBack: { IPv4: false, IPv6: false } },
    { nativeOnly: [keeping] },
    'way back to kept clients, IPv4',
    'poor',
    /^ip rule add fwmark .*client-address\.yaml/,
  ],
  [
    'no way back that anybody would need',
    { ...good, waysBack: { IPv4: false, IPv6: false } },
    { nativeOnly: [keeping] },
    'way back to kept clients, IPv6',
    'ok',
    /./,
  ],
  [
    'no CAP_NET_ADMIN',
    { ...good, ...noNetAdmin },
    {},
    'CAP_NET_ADMIN',
    'unusable',
    /AmbientCapabilities=CAP_NET_ADMIN/,
  ],
  ['no CAP_NET_ADMIN, not needed', { ...good, ...noNetAdmin }, { mode: 'loopback' }, 'CAP_NET_ADMIN', 'ok', /^$/],
  [
    'CAP_NET_ADMIN that ip and nft do not get (a file capability of node)',
    { ...good, programsNetAdmin: false },
    {},
    'CAP_NET_ADMIN',
    'unusable',
    /AmbientCapabilities/,
  ],
  ['a low port', { ...good, netBindService: false }, {}, 'low ports', 'unusable', /ip_unprivileged_port_start=80/],
  ['a high port', { ...good, netBindService: false }, { lowestPort: 8_080 }, 'low ports', 'ok', /^$/],
  ['no nft', { ...good, nft: { kind: 'missing' } }, {}, 'nft (nftables)', 'unusable', /install nftables/],
  ['no nft, not needed', { ...good, nft: { kind: 'missing' } }, { mode: 'assign' }, 'nft (nftables)', 'ok', /install/],
  ['nft that fails', { ...good, nft: { kind: 'failed', stderr: 'no' } }, {}, 'nft (nftables)', 'unusable', /^$/],
  ['no ip', { ...good, ip: { kind: 'missing' } }, { mode: 'assign' }, 'ip (iproute2)', 'unusable', /iproute2/],
  ['no conntrack', { ...good, conntrack: { kind: 'missing' } }, {}, 'conntrack', 'poor', /conntrack/],
  [
    'no conntrack, not needed',
    { ...good, conntrack: { kind: 'missing' } },
    { mode: 'listen' },
    'conntrack',
    'ok',
    /conntrack/,
  ],
  [
    'loopback is routed',
    withSysctl('net.ipv4.conf.all.route_localnet', '1'),
    {},
    'net.ipv4.conf.all.route_localnet',
    'poor',
    /=0$/,
  ],
  [
    'few files',
    { ...good, files: { soft: 1_024, hard: 1_024 } },
    {},
    'open files (RLIMIT_NOFILE)',
    'poor',
    /LimitNOFILE/,
  ],
  [
    'few ports',
    withSysctl('net.ipv4.ip_local_port_range', '50000 60999'),
    {},
    'net.ipv4.ip_local_port_range',
    'poor',
    /32768 60999/,
  ],
  [
    'no way to VIPs',
    { ...good, defaultRoutes: { IPv4: false, IPv6: false } },
    {},
    'default route, IPv4',
    'poor',
    /^ip route add NETWORK dev lo/,
  ],
  [
    'no way to VIPs, IPv6',
    good,
    { families: new Set(['IPv6'] as const) },
    'default route, IPv6',
    'poor',
    /^ip -6 route/,
  ],
  ['no way to VIPs of a family that has none', good, {}, 'default route, IPv6', 'ok', /^ip -6 route/],
  [
    'no way to VIPs, not needed',
    good,
    { mode: 'assign', families: new Set(['IPv6'] as const) },
    'default route, IPv6',
    'ok',
    /^ip -6/,
  ],
  ['a short backlog', withSysctl('net.core.somaxconn', '128'), {}, 'net.core.somaxconn', 'poor', /=4096$/],
  ['small receive buffers', withSysctl('net.core.rmem_max', '212992'), {}, 'net.core.rmem_max', 'poor', /=2097152$/],
  ['small send buffers', withSysctl('net.core.wmem_max', '212992'), {}, 'net.core.wmem_max', 'poor', /=1048576$/],
];
for (const [name, facts, over, check, verdict, fix] of rows) {
  test(`${name}: ${verdict}`, () => {
    const finding = diagnose(facts, { ...asked, ...over }).findings.find((one) => one.check === check);
    assert.equal(finding?.verdict, verdict);
    assert.match(finding?.fix ?? '', fix);
  });
}

const suggestions: readonly [string, HostFacts, string][] = [
  ['everything', good, 'redirect'],
  ['no nft', { ...good, nft: { kind: 'missing' } }, 'assign'],
  ['no ip', { ...good, ip: { kind: 'missing' } }, 'loopback'],
  ['no privileges', { ...good, ...noNetAdmin }, 'loopback'],
];
for (const [name, facts, mode] of suggestions) {
  test(`what suits a host with ${name}: ${mode}`, () => assert.equal(diagnose(facts, asked).suggestion, mode));
}

const zero = '0'.repeat(32);

test('what needs the native engine, or a capability, is named', () => {
  const nativeOnly = [keeping, { key: 'tcp.userTimeout' }];
  const { findings } = diagnose({ ...good, ...noNetAdmin }, { ...asked, nativeOnly, addonMissing: 'it was not built' });
  const noteOf = (check: string) => findings.find((one) => one.check === check)?.note;
  assert.equal(
    noteOf('native engine'),
    'it is needed for services[0].clientAddress, tcp.userTimeout; it was not built',
  );
  assert.equal(noteOf('SO_MARK, IP_TRANSPARENT'), 'CAP_NET_ADMIN is needed for services[0].clientAddress');
});

test('facts come from proc and from programs that only show', async () => {
  const programs = new FakePrograms();
  programs.answers.set('ip -V', 'ip utility, iproute2-6.1.0, libbpf 1.1.2');
  programs.answers.set('nft -j list tables', '{"nftables": [{"metainfo": {"version": "1.0.6"}}]}');
  programs.answers.set('conntrack -V', failing('conntrack', '', true));
  const files: Readonly<Record<string, string>> = {
    '/proc/self/status': 'Name:\tnode\nCapEff:\t0000000000001000\nSeccomp:\t2\n',
    '/proc/self/limits': 'Max open files            1024                 unlimited            files',
    '/proc/sys/kernel/osrelease': '6.18.0',
    '/proc/net/route': `Iface\tDestination\tGateway \tFlags\tRefCnt\tUse\tMetric\tMask\t\tMTU\tWindow\tIRTT
eth0\t00000000\tC80011AC\t0003\t0\t0\t0\t00000000\t0\t0\t0
eth0\t000011AC\t00000000\t0001\t0\t0\t0\t0000FFFF\t0\t0\t0
`,
    '/proc/net/ipv6_route': `${zero} 00 ${zero} 00 ${zero} ffffffff 00000001 00000000 00200200       lo
fd00${'0'.repeat(28)} 40 ${zero} 00 ${zero} 00000100 00000001 00000000 00000001     eth0
`,
    '/proc/sys/net/ipv4/ip_local_port_range': '32768\t60999',
    '/proc/sys/kernel/io_uring_disabled': '2',
  };
  assert.deepEqual(await gatherFacts(programs.run, (path) => files[path]), {
    kernel: '6.18.0',
    netAdmin: true,
    netBindService: false,
    programsNetAdmin: false,
    ip: { kind: 'usable', version: '6.1.0' },
    nft: { kind: 'usable', version: '1.0.6' },
    conntrack: { kind: 'missing' },
    sysctls: new Map<SysctlName, string>([
      ['net.ipv4.ip_local_port_range', '32768 60999'],
      ['kernel.io_uring_disabled', '2'],
    ]),
    defaultRoutes: { IPv4: true, IPv6: false },
    waysBack: { IPv4: false, IPv6: false },
    seccomp: true,
    files: { soft: 1_024, hard: Number.POSITIVE_INFINITY },
  });
});

const statuses: readonly [string, string, boolean][] = [
  ['root', 'Uid:\t0\t0\t0\t0\nCapEff:\t0000000000001000\nCapAmb:\t0000000000000000\n', true],
  ['root without it', 'Uid:\t0\t0\t0\t0\nCapEff:\t0000000000000000\nCapAmb:\t0000000000000000\n', false],
  ['a user, ambient', 'Uid:\t9\t9\t9\t9\nCapEff:\t0000000000001000\nCapAmb:\t0000000000001000\n', true],
  ['a user, of the file', 'Uid:\t9\t9\t9\t9\nCapEff:\t0000000000001000\nCapAmb:\t0000000000000000\n', false],
];
for (const [name, status, expected] of statuses) {
  test(`whether ip and nft have CAP_NET_ADMIN: ${name}`, async () => {
    const read = (path: string) => (path === '/proc/self/status' ? status : undefined);
    assert.equal((await gatherFacts(new FakePrograms().run, read)).programsNetAdmin, expected);
  });
}

test('a host that says nothing of itself', async () => {
  const programs = new FakePrograms();
  for (const name of ['ip', 'nft']) programs.answers.set(name, failing(name, 'Operation\nnot permitted'));
  const facts = await gatherFacts(programs.run, () => undefined);
  assert.deepEqual(facts.nft, { kind: 'failed', stderr: 'Operation not permitted' });
  assert.deepEqual(facts.conntrack, { kind: 'usable', version: 'unknown' });
  const { findings } = diagnose(facts, { ...asked, mode: 'listen', lowestPort: undefined });
  assert.deepEqual(
    findings.filter(({ verdict }) => verdict !== 'ok'),
    [],
  );
});

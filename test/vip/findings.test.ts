import assert from 'node:assert/strict';
import { test } from 'node:test';
import { gatherFacts, type HostFacts, type SysctlName } from '../../src/vip/facts.ts';
import { type Asked, diagnose } from '../../src/vip/findings.ts';
import { FakePrograms, failing } from './support.ts';

const asked: Asked = {
  mode: 'redirect',
  lowestPort: 80,
  receiveBufferBytes: 2_097_152,
  sendBufferBytes: 1_048_576,
  backlog: 4_096,
};
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
];
const good: HostFacts = {
  kernel: '6.18.0',
  netAdmin: true,
  netBindService: true,
  ip: usable,
  nft: usable,
  conntrack: usable,
  sysctls: new Map(sysctls),
  files: { soft: 1_024, hard: 1_048_576 },
};
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
    'no CAP_NET_ADMIN',
    { ...good, netAdmin: false },
    {},
    'CAP_NET_ADMIN',
    'unusable',
    /AmbientCapabilities=CAP_NET_ADMIN/,
  ],
  ['no CAP_NET_ADMIN, not needed', { ...good, netAdmin: false }, { mode: 'loopback' }, 'CAP_NET_ADMIN', 'ok', /^$/],
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
  ['no privileges', { ...good, netAdmin: false }, 'loopback'],
];
for (const [name, facts, mode] of suggestions) {
  test(`what suits a host with ${name}: ${mode}`, () => assert.equal(diagnose(facts, asked).suggestion, mode));
}

test('facts come from proc and from programs that only show', async () => {
  const programs = new FakePrograms();
  programs.answers.set('ip -V', 'ip utility, iproute2-6.1.0, libbpf 1.1.2');
  programs.answers.set('nft -j list tables', '{"nftables": [{"metainfo": {"version": "1.0.6"}}]}');
  programs.answers.set('conntrack -V', failing('conntrack', '', true));
  const files: Readonly<Record<string, string>> = {
    '/proc/self/status': 'Name:\tnode\nCapEff:\t0000000000001000\n',
    '/proc/self/limits': 'Max open files            1024                 unlimited            files',
    '/proc/sys/kernel/osrelease': '6.18.0',
    '/proc/sys/net/ipv4/ip_local_port_range': '32768\t60999',
  };
  assert.deepEqual(await gatherFacts(programs.run, (path) => files[path]), {
    kernel: '6.18.0',
    netAdmin: true,
    netBindService: false,
    ip: { kind: 'usable', version: '6.1.0' },
    nft: { kind: 'usable', version: '1.0.6' },
    conntrack: { kind: 'missing' },
    sysctls: new Map([['net.ipv4.ip_local_port_range', '32768 60999']]),
    files: { soft: 1_024, hard: Number.POSITIVE_INFINITY },
  });
});

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

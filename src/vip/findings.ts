import type { VipMode } from '../config/vip-schema.ts';
import type { IpFamily } from '../model/address.ts';
import type { HostFacts, ProgramFact, SysctlName } from './facts.ts';
import type { Asked, Diagnosis, Finding } from './finding.ts';
import { nativeFindings } from './native-findings.ts';

/** A descriptor for each side of a connection: fewer are soon used up. */
const fewFiles = 16_384;
const fewPorts = 20_000;

/** What the host allows, and what of it is not enough. Pure: the facts are data. */
export function diagnose(facts: HostFacts, asked: Asked): Diagnosis {
  return {
    findings: [
      { check: 'kernel', value: facts.kernel ?? 'unknown', verdict: 'ok' },
      netAdmin(facts, asked),
      lowPorts(facts, asked),
      program('ip (iproute2)', facts.ip, changesHost(asked.mode), 'apt-get install iproute2'),
      program('nft (nftables)', facts.nft, asked.mode === 'redirect', 'apt-get install nftables'),
      conntrack(facts, asked),
      nonlocal(facts, 'net.ipv4.ip_nonlocal_bind'),
      nonlocal(facts, 'net.ipv6.ip_nonlocal_bind'),
      routeLocalnet(facts),
      defaultRoute(facts, asked, 'IPv4'),
      defaultRoute(facts, asked, 'IPv6'),
      ...nativeFindings(facts, asked),
      files(facts),
      ports(facts),
      atLeast(
        facts,
        'net.core.somaxconn',
        asked.backlog,
        'connections that wait to be accepted are capped (tcp.backlog)',
      ),
      atLeast(
        facts,
        'net.core.rmem_max',
        asked.receiveBufferBytes,
        'UDP receive buffers are capped (udp.receiveBuffer)',
      ),
      atLeast(facts, 'net.core.wmem_max', asked.sendBufferBytes, 'UDP send buffers are capped (udp.sendBuffer)'),
    ],
    suggestion: suggest(facts),
  };
}

function changesHost(mode: VipMode): boolean {
  return mode === 'assign' || mode === 'redirect';
}

/** `redirect` needs the fewest sockets and keeps ClusterIPs to the inside; `loopback` needs nothing at all. */
function suggest({ programsNetAdmin: may, ip, nft }: HostFacts): VipMode {
  if (!may || ip.kind !== 'usable') return 'loopback';
  return nft.kind === 'usable' ? 'redirect' : 'assign';
}

const capabilityFix = (name: string) =>
  `AmbientCapabilities=${name} (systemd), --cap-add ${name.replace('CAP_', '')} and root inside (containers), or run as root`;

function netAdmin({ netAdmin: has, programsNetAdmin: handsOn }: HostFacts, { mode }: Asked): Finding {
  const check = 'CAP_NET_ADMIN';
  if (handsOn) return { check, value: 'yes', verdict: 'ok' };
  const verdict = changesHost(mode) ? 'unusable' : 'ok';
  const note = has
    ? 'the modes assign and redirect run ip and nft, which do not get it (it is not ambient)'
    : 'the modes assign and redirect need it';
  return {
    check,
    value: has ? 'of this process only' : 'no',
    verdict,
    note,
    ...(verdict !== 'ok' && { fix: capabilityFix(check) }),
  };
}

function lowPorts({ netBindService: has, sysctls }: HostFacts, { lowestPort }: Asked): Finding {
  const start = Number(sysctls.get('net.ipv4.ip_unprivileged_port_start') ?? 1024);
  const check = 'low ports';
  if (has) return { check, value: 'all (CAP_NET_BIND_SERVICE)', verdict: 'ok' };
  const value = `from ${start} (net.ipv4.ip_unprivileged_port_start)`;
  if (lowestPort === undefined || lowestPort >= start) return { check, value, verdict: 'ok' };
  const note = `port ${lowestPort} cannot be listened on`;
  return {
    check,
    value,
    verdict: 'unusable',
    note,
    fix: `sysctl -w net.ipv4.ip_unprivileged_port_start=${lowestPort}`,
  };
}

function program(check: string, fact: ProgramFact, isNeeded: boolean, fix: string): Finding {
  if (fact.kind === 'usable') return { check, value: fact.version, verdict: 'ok' };
  const verdict = isNeeded ? 'unusable' : 'ok';
  if (fact.kind === 'missing') return { check, value: 'missing', verdict, fix };
  return { check, value: 'does not work here', verdict, note: fact.stderr };
}

function conntrack({ conntrack: fact }: HostFacts, { mode }: Asked): Finding {
  const finding = program('conntrack', fact, false, 'apt-get install conntrack');
  if (mode !== 'redirect' || fact.kind === 'usable') return finding;
  return { ...finding, verdict: 'poor', note: 'UDP clients of VIPs that change may be lost while they go on sending' };
}

function nonlocal({ sysctls }: HostFacts, name: SysctlName): Finding {
  const isOn = sysctls.get(name) === '1';
  const note = isOn
    ? 'VIPs can be listened on before they are on an interface'
    : 'a VIP is bound once it is on this host, or before with vip.listen.freeBind';
  return { check: name, value: sysctls.get(name) ?? 'unknown', verdict: 'ok', note };
}

function routeLocalnet({ sysctls }: HostFacts): Finding {
  const name = 'net.ipv4.conf.all.route_localnet';
  const value = sysctls.get(name) ?? 'unknown';
  if (value !== '1') return { check: name, value, verdict: 'ok' };
  const note = 'neighbours can reach what listens on 127.0.0.0/8; sluice does not need it';
  return { check: name, value, verdict: 'poor', note, fix: `sysctl -w ${name}=0` };
}

/** Of a packet that the kernel has no route for, nftables hears nothing. */
function defaultRoute({ defaultRoutes }: HostFacts, { mode, families }: Asked, family: IpFamily): Finding {
  const check = `default route, ${family}`;
  const has = defaultRoutes[family];
  if (has !== false) return { check, value: has ? 'yes' : 'unknown', verdict: 'ok' };
  const isMissed = mode === 'redirect' && families.has(family);
  const note = 'with redirect, this host itself reaches only the VIPs that it has a route to';
  const fix = `ip ${family === 'IPv6' ? '-6 ' : ''}route add NETWORK dev lo, for the network of the VIPs`;
  return { check, value: 'none', verdict: isMissed ? 'poor' : 'ok', note, fix };
}

function files({ files: limit }: HostFacts): Finding {
  const check = 'open files (RLIMIT_NOFILE)';
  if (limit === undefined) return { check, value: 'unknown', verdict: 'ok' };
  // Node.js raises the soft limit to the hard one when it starts.
  const value = `${limit.hard}`;
  if (limit.hard >= fewFiles) return { check, value, verdict: 'ok' };
  const note = `enough for about ${Math.floor(limit.hard / 2)} connections`;
  return { check, value, verdict: 'poor', note, fix: 'LimitNOFILE=1048576 (systemd), or ulimit -n 1048576' };
}

function ports({ sysctls }: HostFacts): Finding {
  const check = 'net.ipv4.ip_local_port_range';
  const [first, last] = (sysctls.get(check) ?? '').split(' ').map(Number);
  if (first === undefined || last === undefined) return { check, value: 'unknown', verdict: 'ok' };
  const count = last - first + 1;
  const value = `${first}-${last}`;
  if (count >= fewPorts) return { check, value, verdict: 'ok' };
  const note = `${count} connections at once to one endpoint`;
  return { check, value, verdict: 'poor', note, fix: `sysctl -w ${check}="32768 60999"` };
}

function atLeast({ sysctls }: HostFacts, check: SysctlName, wanted: number, note: string): Finding {
  const value = sysctls.get(check) ?? 'unknown';
  if (value === 'unknown' || Number(value) >= wanted) return { check, value, verdict: 'ok' };
  return { check, value, verdict: 'poor', note, fix: `sysctl -w ${check}=${wanted}` };
}

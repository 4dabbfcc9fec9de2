import type { IpFamily } from '../model/address.ts';
import type { HostFacts } from './facts.ts';
import type { Asked, Finding } from './finding.ts';

/** What stands in the way of the native engine, and of that which only it can do. */
export function nativeFindings(facts: HostFacts, asked: Asked): readonly Finding[] {
  return [
    engine(asked),
    ioUring(facts, asked),
    capability(facts, asked),
    wayBack(facts, asked, 'IPv4'),
    wayBack(facts, asked, 'IPv6'),
  ];
}

function engine({ engine: name, nativeOnly, addonMissing }: Asked): Finding {
  const check = 'native engine';
  if (addonMissing === undefined) return { check, value: 'there', verdict: 'ok' };
  const needs = [...(name === 'native' ? ['engine: native'] : []), ...nativeOnly.map(({ key }) => key)];
  const fix = 'apt-get install g++ make python3 && npm run build:native';
  const missing = { check, value: 'missing', fix };
  if (needs.length > 0)
    return { ...missing, verdict: 'unusable', note: `it is needed for ${needs.join(', ')}; ${addonMissing}` };
  if (name === 'net') return { ...missing, verdict: 'ok', note: addonMissing };
  return { ...missing, verdict: 'poor', note: `sluice relays on Node.js alone, at a higher cost; ${addonMissing}` };
}

/** Without it sluice does the same, with more system calls. */
function ioUring(facts: HostFacts, { engine: name, addonMissing, ioUringRefused: code }: Asked): Finding {
  const check = 'io_uring';
  if (name === 'net' || addonMissing !== undefined) return { check, value: 'not used', verdict: 'ok' };
  if (code === undefined) return { check, value: 'yes', verdict: 'ok' };
  const note = `${code}: the native engine sends each datagram and each answer by a call of its own, at a higher cost`;
  return { check, value: 'no', verdict: 'poor', note, ...ioUringFix(facts) };
}

/** Who refuses it is not said: the sysctl, which is for all processes, or a filter of system calls; else the kernel has none. */
function ioUringFix({ sysctls, seccomp }: HostFacts): { readonly fix?: string } {
  const disabled = sysctls.get('kernel.io_uring_disabled');
  if (disabled === '2') return { fix: 'sysctl -w kernel.io_uring_disabled=0' };
  if (disabled === '1') return { fix: 'sysctl -w kernel.io_uring_group=GID, of a group that sluice is in' };
  if (!seccomp) return { fix: 'Linux 5.6 or newer' };
  return {
    fix: '--security-opt seccomp=PROFILE that allows io_uring (containers), or SystemCallFilter=@aio (systemd)',
  };
}

function capability({ netAdmin: has }: HostFacts, { nativeOnly }: Asked): Finding {
  const check = 'SO_MARK, IP_TRANSPARENT';
  if (has) return { check, value: 'yes', verdict: 'ok' };
  const keys = nativeOnly.filter(({ needs }) => needs !== undefined).map(({ key }) => key);
  if (keys.length === 0) return { check, value: 'no', verdict: 'ok', note: 'mark and clientAddress: keep need them' };
  const fix = 'CAP_NET_ADMIN, as above';
  return { check, value: 'no', verdict: 'unusable', note: `CAP_NET_ADMIN is needed for ${keys.join(', ')}`, fix };
}

function wayBack({ waysBack }: HostFacts, { nativeOnly, families }: Asked, family: IpFamily): Finding {
  const check = `way back to kept clients, ${family}`;
  const has = waysBack[family];
  if (has !== false) return { check, value: has ? 'yes' : 'unknown', verdict: 'ok' };
  const keeps = nativeOnly.some(({ key }) => key.endsWith('clientAddress')) && families.has(family);
  const note = 'with clientAddress: keep, what endpoints answer does not reach sluice';
  const ip = family === 'IPv6' ? 'ip -6' : 'ip';
  const fix = `${ip} rule add fwmark 0x736c lookup 736 && ${ip} route add local default dev lo table 736, and the mark by nft (config/examples/client-address.yaml)`;
  return { check, value: 'none', verdict: keeps ? 'poor' : 'ok', note, fix };
}

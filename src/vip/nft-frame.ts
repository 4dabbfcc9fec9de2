import { createHash } from 'node:crypto';
import type { IpFamily } from '../model/address.ts';
import type { Redirect } from './host.ts';
import { localMark } from './mark-plan.ts';

/** One object of libnftables-json(5), such as `{"rule": …}`. */
export type NftObject = Readonly<Record<string, unknown>>;

export const family = 'inet';
export const tableName = 'sluice';
const inTable = { family, table: tableName } as const;

/** Before the destination NAT of others (-100), so that a VIP that is ours is ours. */
const priority = -110;

/** Its maps: `inside` holds what only this host and `from` may reach, `open` what everybody may. */
export const mapNames = ['inside4', 'inside6', 'open4', 'open6'] as const;
export type MapName = (typeof mapNames)[number];

interface FamilyWords {
  readonly family: IpFamily;
  readonly protocol: 'ip' | 'ip6';
  readonly type: string;
  readonly suffix: '4' | '6';
}

const families: readonly FamilyWords[] = [
  { family: 'IPv4', protocol: 'ip', type: 'ipv4_addr', suffix: '4' },
  { family: 'IPv6', protocol: 'ip6', type: 'ipv6_addr', suffix: '6' },
];

/**
 * Everything of the table but the elements of its maps, in the order in which it is to be added.
 *
 * ```
 *   divert      to a socket that takes others' addresses: local; with tproxy TCP ──► take-open; from `from` ──► take-inside
 *   output      from this host        ──► open, inside
 *   prerouting  from everywhere       ──► open;   from `from` ──► inside; with tproxy UDP only
 *   input       to the relay address, and not by way of a VIP, from another host: dropped
 *   forward,    to what is inside, and not redirected: rejected, so that ClusterIPs do not answer outside
 *   input
 * ```
 */
export function frameOf({ relay, from, via }: Redirect): readonly NftObject[] {
  const takes = via === 'tproxy';
  const translated = takes ? [equal(l4proto, 'udp')] : [];
  const rules: readonly (readonly [string, readonly NftObject[]])[] = [
    ...families.map((words): [string, NftObject[]] => ['open', dnat(words, `open${words.suffix}`, relay)]),
    ...families.map((words): [string, NftObject[]] => ['inside', dnat(words, `inside${words.suffix}`, relay)]),
    ['output', [jump('open')]],
    ['output', [jump('inside')]],
    ['prerouting', [...translated, jump('open')]],
    ...from.map((cidr): [string, NftObject[]] => [
      'prerouting',
      [...translated, equal(sourceOf(cidr), network(cidr)), jump('inside')],
    ]),
    ...(takes ? takeRules(relay, from) : []),
    ...families.map((words): [string, NftObject[]] => [
      'input',
      [equal(daddr(words), relay[words.family]), fromElsewhere, notTranslated, drop],
    ]),
    ...(takes ? [['input', [equal(mark, localMark), accept]] as [string, NftObject[]]] : []),
    ...families.flatMap(hidden).map((expr): [string, NftObject[]] => ['input', [fromElsewhere, ...expr]]),
    ...families.flatMap(hidden).map((expr): [string, NftObject[]] => ['forward', expr]),
  ];
  return [
    ...families.flatMap((words) => ['inside', 'open'].map((name) => map(`${name}${words.suffix}`, words))),
    chain('open'),
    chain('inside'),
    ...(takes ? [chain('take-open'), chain('take-inside'), divert] : []),
    chain('output', { type: 'nat', hook: 'output' }),
    chain('prerouting', { type: 'nat', hook: 'prerouting' }),
    chain('input', { type: 'filter', hook: 'input' }),
    chain('forward', { type: 'filter', hook: 'forward' }),
    ...rules.map(([name, expr]) => rule(name, expr)),
  ];
}

/**
 * Packets of connections that a socket of ours has, and those that begin one, are marked: `MarkHost` has them be local. The
 * first are taken without a look at the maps, as connections outlive their VIP.
 */
function takeRules(relay: Redirect['relay'], from: readonly string[]): readonly (readonly [string, NftObject[]])[] {
  const taken = equal({ socket: { key: 'transparent' } }, 1);
  const isTcp = equal(l4proto, 'tcp');
  return [
    ['divert', [withPorts, taken, setMark, accept]],
    ['divert', [isTcp, jump('take-open')]],
    ...from.map((cidr): [string, NftObject[]] => [
      'divert',
      [isTcp, equal(sourceOf(cidr), network(cidr)), jump('take-inside')],
    ]),
    ...(['open', 'inside'] as const).flatMap((name) =>
      families.map((words): [string, NftObject[]] => [`take-${name}`, take(words, `${name}${words.suffix}`, relay)]),
    ),
  ];
}

/** To the listener at the relay address, with the destination as it is; goes on where the map has none. */
function take(words: FamilyWords, name: string, relay: Redirect['relay']): NftObject[] {
  const port = { map: { key: destination(words), data: `@${name}` } };
  const tproxy = { family: words.protocol, addr: relay[words.family], port };
  return [equal(l4proto, 'tcp'), { tproxy }, setMark, accept];
}

function map(name: string, { type }: FamilyWords): NftObject {
  return { map: { ...inTable, name, type: [type, 'inet_proto', 'inet_service'], map: 'inet_service' } };
}

function chain(name: string, base?: { readonly type: string; readonly hook: string }): NftObject {
  return { chain: { ...inTable, name, ...(base && { ...base, prio: priority, policy: 'accept' }) } };
}

/** The comment is how a rule is known again: nft(8) may show an expression in other words than it was told in. */
function rule(name: string, expr: readonly NftObject[]): NftObject {
  const comment = createHash('sha256').update(JSON.stringify(expr)).digest('hex').slice(0, 16);
  return { rule: { ...inTable, chain: name, comment, expr } };
}

/** To the relay address, on the port that the map has for this destination; goes on where it has none. */
function dnat(words: FamilyWords, name: string, relay: Redirect['relay']): NftObject[] {
  const port = { map: { key: destination(words), data: `@${name}` } };
  return [withPorts, { dnat: { family: words.protocol, addr: relay[words.family], port } }];
}

/** A reset for TCP: the kernel sends fewer ICMP messages than there may be clients (icmp(7) `icmp_ratelimit`). */
function hidden(words: FamilyWords): readonly NftObject[][] {
  const isInside = equal(destination(words), `@inside${words.suffix}`);
  const unreachable = { reject: { type: 'icmpx', expr: 'port-unreachable' } };
  return [
    [equal(l4proto, 'tcp'), isInside, { reject: { type: 'tcp reset' } }],
    [equal(l4proto, 'udp'), isInside, unreachable],
  ];
}

function destination(words: FamilyWords): NftObject {
  const port = { payload: { protocol: 'th', field: 'dport' } };
  return { concat: [daddr(words), l4proto, port] };
}

function daddr({ protocol }: FamilyWords): NftObject {
  return { payload: { protocol, field: 'daddr' } };
}

function sourceOf(cidr: string): NftObject {
  return { payload: { protocol: cidr.includes(':') ? 'ip6' : 'ip', field: 'saddr' } };
}

function network(cidr: string): NftObject {
  const [addr, bits] = cidr.split('/');
  return { prefix: { addr, len: Number(bits) } };
}

function equal(left: unknown, right: unknown): NftObject {
  return { match: { op: '==', left, right } };
}

function jump(target: string): NftObject {
  return { jump: { target } };
}

const l4proto: NftObject = { meta: { key: 'l4proto' } };
const withPorts = equal(l4proto, { set: ['tcp', 'udp'] });
const fromElsewhere: NftObject = { match: { op: '!=', left: { meta: { key: 'iifname' } }, right: 'lo' } };
const notTranslated: NftObject = {
  match: { op: '!=', left: { '&': [{ ct: { key: 'status' } }, 'dnat'] }, right: 'dnat' },
};
const drop: NftObject = { drop: null };
const accept: NftObject = { accept: null };
const mark: NftObject = { meta: { key: 'mark' } };
const setMark: NftObject = { mangle: { key: mark, value: localMark } };
/** Where packets are not routed yet, before addresses are translated (`priority mangle`). */
const divert: NftObject = {
  chain: { ...inTable, name: 'divert', type: 'filter', hook: 'prerouting', prio: -150, policy: 'accept' },
};

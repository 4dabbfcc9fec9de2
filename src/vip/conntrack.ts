import type { Problem } from '../base/errors.ts';
import { parseIp } from '../model/address.ts';
import type { RunCommand } from './command.ts';

export interface UdpDestination {
  readonly address: string;
  readonly port: number;
}

/** What `conntrack -L -p udp` has of these destinations, as clients wrote them (the first `dst` and `dport` of a line). */
export function rememberedUdp(listing: string, destinations: readonly UdpDestination[]): UdpDestination[] {
  const meant = new Map(destinations.map((destination) => [keyOf(destination), destination]));
  const found = new Set<UdpDestination>();
  for (const { groups } of listing.matchAll(/^udp .*? dst=(?<address>\S+) sport=\d+ dport=(?<port>\d+) /gm)) {
    const address = parseIp(groups?.address ?? '') ?? '';
    const destination = meant.get(keyOf({ address, port: Number(groups?.port) }));
    if (destination !== undefined) found.add(destination);
  }
  return [...found];
}

function keyOf({ address, port }: UdpDestination): string {
  return `${address} ${port}`;
}

/**
 * Makes the kernel forget the UDP "connections" of these destinations, so that a client that keeps its port gets the
 * present rules with its next datagram. Without it, connection tracking would repeat its first decision for as long as
 * the client sends (nf_conntrack; kube-proxy does the same). What failed for one family will fail for the other.
 */
export async function forgetUdp(run: RunCommand, destinations: readonly UdpDestination[]): Promise<Problem[]> {
  for (const family of ['ipv4', 'ipv6'] as const) {
    const meant = destinations.filter(({ address }) => address.includes(':') === (family === 'ipv6'));
    const problems = meant.length > 0 ? await forgetFamily(run, family, meant) : [];
    if (problems.length > 0) return problems;
  }
  return [];
}

async function forgetFamily(run: RunCommand, family: string, meant: readonly UdpDestination[]): Promise<Problem[]> {
  const listed = await run('conntrack', ['-L', '-f', family, '-p', 'udp']);
  if (listed.kind === 'failed') return [listed.problem];
  const problems: Problem[] = [];
  for (const { address, port } of rememberedUdp(listed.stdout, meant)) {
    const words = ['-D', '-f', family, '-p', 'udp', '--orig-dst', address, '--orig-port-dst', String(port)];
    const result = await run('conntrack', words);
    // Another end of the same entry: it ran out meanwhile.
    if (result.kind === 'failed' && !/ 0 flow entries/.test(result.stderr)) problems.push(result.problem);
  }
  return problems;
}

import type { RunCommand } from './command.ts';
import { emptyHost } from './host.ts';
import { IpHost } from './ip-host.ts';
import { NftHost } from './nft-host.ts';
import { type Applied, type HostPart, syncParts } from './part.ts';

export function hostParts(run: RunCommand): readonly HostPart[] {
  return [new IpHost(run), new NftHost(run)];
}

/** Removes from this host the addresses, routes and the nftables table that any sluice has made, and nothing else. */
export function cleanUp(parts: readonly HostPart[]): Promise<Applied> {
  return syncParts(parts, emptyHost);
}

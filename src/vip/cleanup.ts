import type { Claim } from './claim.ts';
import type { RunCommand } from './command.ts';
import { emptyHost } from './host.ts';
import { IpHost } from './ip-host.ts';
import { MarkHost } from './mark-host.ts';
import { NftHost } from './nft-host.ts';
import { type Applied, type HostPart, syncParts } from './part.ts';

export function hostParts(run: RunCommand): readonly HostPart[] {
  return [new IpHost(run), new MarkHost(run), new NftHost(run)];
}

/**
 * Removes from this host the addresses, routes, the rule and the nftables table that any sluice has made, and nothing else;
 * nothing at all while another one has the claim.
 */
export async function cleanUp(parts: readonly HostPart[], claim: Claim): Promise<Applied> {
  const held = await claim.take();
  if (held !== undefined) return { changes: 0, problems: [held] };
  try {
    return await syncParts(parts, emptyHost);
  } finally {
    claim.release();
  }
}

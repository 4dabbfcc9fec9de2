import type { Problem } from '../base/errors.ts';
import type { RunCommand } from './command.ts';
import { emptyHost } from './host.ts';
import { IpHost } from './ip-host.ts';
import { NftHost } from './nft-host.ts';
import type { Applied, HostPart } from './part.ts';

export function hostParts(run: RunCommand): readonly HostPart[] {
  return [new IpHost(run), new NftHost(run)];
}

/** Removes from this host the addresses, routes and the nftables table that any sluice has made, and nothing else. */
export async function cleanUp(parts: readonly HostPart[]): Promise<Applied> {
  const problems: Problem[] = [];
  let changes = 0;
  for (const part of parts) {
    const applied = await part.sync(emptyHost);
    changes += applied.changes;
    problems.push(...applied.problems);
  }
  return { changes, problems };
}

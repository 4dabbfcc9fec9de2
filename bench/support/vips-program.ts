/**
 * `vips-program.ts VIPS CHANGES`: the host's part of `vip.mode: redirect` and `assign`, as the program has them, in the
 * network namespace that this runs in. Prints `{"redirectMs": …, "redirectChangeMs": …, "checkMs": …, "assignMs": …,
 * "assignChangeMs": …}`: all VIPs in one transaction; one of them replaced (median of CHANGES); a look that finds all in
 * order; all VIPs added to lo in one batch; one of them replaced.
 */
import { performance } from 'node:perf_hooks';
import { type Ip, parseIp } from '../../src/model/address.ts';
import { frontendKey } from '../../src/model/keys.ts';
import { runCommand } from '../../src/vip/command.ts';
import { emptyHost, type HostState, type Redirect, type Redirection } from '../../src/vip/host.ts';
import { IpHost } from '../../src/vip/ip-host.ts';
import { relayAddresses } from '../../src/vip/layout.ts';
import { NftHost } from '../../src/vip/nft-host.ts';
import type { HostPart } from '../../src/vip/part.ts';
import { median } from './statistics.ts';

function vip(index: number): Ip {
  const address = parseIp(`10.96.${Math.floor(index / 250)}.${1 + (index % 250)}`);
  if (address === undefined) throw new Error(`there is no VIP ${index}`);
  return address;
}

/** VIPs `from` to before `to`. */
function hostOf(from: number, to: number): HostState {
  const vips = Array.from({ length: to - from }, (_, index) => vip(from + index));
  const redirections = new Map(
    vips.map((address, index): [ReturnType<typeof frontendKey>, Redirection] => [
      frontendKey('TCP', address, 80),
      { protocol: 'TCP', address, port: 80, reach: 'inside', to: 10_000 + ((from + index) % 20_000) },
    ]),
  );
  const redirect: Redirect = { via: 'dnat', relay: relayAddresses, from: ['10.244.0.0/16'], redirections };
  return { ...emptyHost, addresses: new Set(vips), redirect };
}

/** How long the part takes to make it so, in milliseconds. Throws if it cannot. */
async function timed(part: HostPart, desired: HostState): Promise<number> {
  const start = performance.now();
  const { problems } = await part.sync(desired);
  if (problems[0] !== undefined) throw new Error(problems[0].message);
  return performance.now() - start;
}

const [vips = 5_000, changes = 5] = process.argv.slice(2).map(Number);
const [ip, nft] = [new IpHost(runCommand), new NftHost(runCommand)];
const redirectMs = await timed(nft, hostOf(0, vips));
const changesMs: number[] = [];
for (let change = 1; change <= changes; change += 1) changesMs.push(await timed(nft, hostOf(change, vips + change)));
const last = hostOf(changes + 1, vips + changes + 1);
await timed(nft, last);
const checkMs = await timed(nft, last);
const assignMs = await timed(ip, hostOf(0, vips));
const assignChangeMs = await timed(ip, hostOf(1, vips + 1));
process.stdout.write(
  JSON.stringify({ redirectMs, redirectChangeMs: median(changesMs), checkMs, assignMs, assignChangeMs }),
);

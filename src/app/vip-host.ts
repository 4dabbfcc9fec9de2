import { readFile } from 'node:fs/promises';
import type { Logger } from 'pino';
import type { Clock } from '../base/clock.ts';
import type { Problem } from '../base/errors.ts';
import type { VipConfig } from '../config/vip-schema.ts';
import type { VipsView } from '../metrics/views.ts';
import type { Ip } from '../model/address.ts';
import type { Frontend, Snapshot } from '../model/snapshot.ts';
import { runCommand } from '../vip/command.ts';
import { type HostState, isEmptyHost } from '../vip/host.ts';
import { IpHost } from '../vip/ip-host.ts';
import { type Layout, Layouts, type Place } from '../vip/layout.ts';
import { MarkHost } from '../vip/mark-host.ts';
import { NftHost } from '../vip/nft-host.ts';
import { obstacleOf, type VipObstacle } from '../vip/obstacle.ts';
import { SocketClaim } from '../vip/socket-claim.ts';
import { undelivered } from '../vip/undelivered.ts';
import { Vips } from '../vip/vips.ts';
import { hostAddresses } from './node-watch.ts';
import { ProblemLog } from './problem-log.ts';

export interface VipHostInit {
  readonly clock: Clock;
  readonly logger: Logger;
  /** What to do with each snapshot, as soon as its VIPs are on this host. */
  readonly apply: (snapshot: Snapshot) => void;
}

const unguarded =
  'two sluices with vip.mode assign or redirect would not know of each other: unix sockets are not allowed here';

/** Brings the VIPs of a snapshot onto this host before it is listened on them. */
export class VipHost {
  readonly #apply: VipHostInit['apply'];
  readonly #layouts = new Layouts();
  readonly #ip = new IpHost(runCommand);
  readonly #nft = new NftHost(runCommand);
  readonly #logger: Logger;
  #problemLog: ProblemLog;
  readonly #vips: Vips;
  /** The newest. */
  #layout: Layout | undefined;
  /** That of the snapshot that was applied last. */
  #placed: Layout | undefined;
  /** Snapshots that differ in endpoints only have the same host. */
  readonly #newestOf = new WeakMap<HostState, Layout>();
  #isHandedOver = false;
  #problems: readonly Problem[] = [];

  constructor({ clock, logger, apply }: VipHostInit) {
    this.#apply = apply;
    this.#logger = logger;
    this.#problemLog = new ProblemLog(logger);
    this.#vips = new Vips({
      parts: [this.#ip, new MarkHost(runCommand), this.#nft],
      claim: new SocketClaim({ clock, onUnguarded: (code) => logger.warn({ code }, unguarded) }),
      clock,
      onProblems: (problems) => {
        this.#problems = problems;
        this.#report();
      },
      onRepaired: (changes) => logger.warn({ changes }, 'somebody changed what makes VIPs land here: it was put back'),
      onHandedOver: () => {
        this.#isHandedOver = true;
        logger.info('another sluice has taken over what makes VIPs land here');
      },
    });
  }

  /** Where a frontend is listened on; `undefined`: nowhere. */
  placeOf(frontend: Frontend): Place | undefined {
    return this.#placed?.places.get(frontend.key);
  }

  view(): VipsView {
    const isRedirected = this.#layout?.host.redirect !== undefined;
    // Without a problem the first table is on its way.
    const cutOff = isRedirected && !this.#nft.hasTable && this.#problems.length > 0;
    return { problems: this.#allProblems(), cutOff };
  }

  /** Why what `client` sends to `frontend` does not get to its listener; `undefined`: nothing is in its way. */
  obstacle(client: Ip, frontend: Frontend): VipObstacle | undefined {
    if (this.view().cutOff) return 'vips-not-redirected';
    return obstacleOf(this.#layout?.host.redirect, frontend.key, client, hostAddresses());
  }

  /** Whether the address is on this host because of sluice, so that it is none of the node's own. */
  made(address: Ip): boolean {
    return this.#ip.ours.has(address);
  }

  /** In the same turn if the host needs no change, which is so for nearly all snapshots. */
  async bring(config: VipConfig, snapshot: Snapshot, podCidrs: readonly string[]): Promise<void> {
    const layout = this.#layouts.layout(config, { frontends: [...snapshot.frontends.values()], podCidrs });
    this.#layout = layout;
    this.#newestOf.set(layout.host, layout);
    this.#report();
    if (!this.#vips.isDone(layout.host)) await this.#vips.sync(layout.host);
    if (!this.#isTurnOf(layout)) return;
    this.#placed = layout;
    this.#apply(snapshot);
  }

  /**
   * If another snapshot came meanwhile its own call is under way, and applies it. It is not waited for if the host was made as
   * this one wants it: where VIPs change all the time nothing would ever be applied.
   */
  #isTurnOf(layout: Layout): boolean {
    if (this.#layout === layout) return true;
    return this.#newestOf.get(layout.host) === layout && this.#vips.isDone(layout.host);
  }

  /** Puts back now what others have taken from the host. */
  check(): Promise<void> {
    return this.#vips.check();
  }

  /** sluice drains: another one may have the host now. What is on it stays until the end. */
  drain(): void {
    this.#vips.offer();
  }

  /** How many connections have ended here and need what sluice has made on this host all the same. */
  async undelivered(): Promise<number> {
    if (this.#layout === undefined || isEmptyHost(this.#layout.host) || this.#isHandedOver) return 0;
    const { places, host } = this.#layout;
    const tables = await Promise.all(
      ['tcp', 'tcp6'].map((name) => readFile(`/proc/net/${name}`, 'utf8').catch(() => '')),
    );
    return undelivered(tables, [...places.values(), ...(host.redirect?.redirections.values() ?? [])]);
  }

  /** Removes from this host all that sluice has made. What kept VIPs from it is not solved by that: only new problems are told. */
  close(): Promise<void> {
    this.#layout = undefined;
    this.#problemLog = new ProblemLog(this.#logger);
    return this.#vips.close();
  }

  #report(): void {
    this.#problemLog.update(this.#allProblems());
  }

  #allProblems(): readonly Problem[] {
    return [...(this.#layout?.problems ?? []), ...this.#problems];
  }
}

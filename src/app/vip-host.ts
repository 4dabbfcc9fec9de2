import type { Logger } from 'pino';
import type { Clock } from '../base/clock.ts';
import type { Problem } from '../base/errors.ts';
import type { VipConfig } from '../config/vip-schema.ts';
import type { Ip } from '../model/address.ts';
import type { Frontend, Snapshot } from '../model/snapshot.ts';
import { runCommand } from '../vip/command.ts';
import { IpHost } from '../vip/ip-host.ts';
import { type Layout, Layouts, type Place } from '../vip/layout.ts';
import { NftHost } from '../vip/nft-host.ts';
import { Vips } from '../vip/vips.ts';
import { ProblemLog } from './problem-log.ts';

export interface VipHostInit {
  readonly clock: Clock;
  readonly logger: Logger;
  /** What to do with each snapshot, as soon as its VIPs are on this host. */
  readonly apply: (snapshot: Snapshot) => void;
}

/** Brings the VIPs of a snapshot onto this host before it is listened on them. */
export class VipHost {
  readonly #apply: VipHostInit['apply'];
  readonly #layouts = new Layouts();
  readonly #ip = new IpHost(runCommand);
  readonly #problemLog: ProblemLog;
  readonly #vips: Vips;
  #layout: Layout | undefined;
  #problems: readonly Problem[] = [];

  constructor({ clock, logger, apply }: VipHostInit) {
    this.#apply = apply;
    this.#problemLog = new ProblemLog(logger);
    this.#vips = new Vips({
      parts: [this.#ip, new NftHost(runCommand)],
      clock,
      onProblems: (problems) => {
        this.#problems = problems;
        this.#report();
      },
      onRepaired: (changes) => logger.warn({ changes }, 'somebody changed what makes VIPs land here: it was put back'),
    });
  }

  /** Where a frontend is listened on; `undefined`: nowhere. */
  placeOf(frontend: Frontend): Place | undefined {
    return this.#layout?.places.get(frontend.key);
  }

  /** Whether the address is on this host because of sluice, so that it is none of the node's own. */
  made(address: Ip): boolean {
    return this.#ip.ours.has(address);
  }

  /** In the same turn if the host needs no change, which is so for nearly all snapshots. */
  async bring(config: VipConfig, snapshot: Snapshot, podCidrs: readonly string[]): Promise<void> {
    const layout = this.#layouts.layout(config, { frontends: [...snapshot.frontends.values()], podCidrs });
    this.#layout = layout;
    this.#report();
    if (!this.#vips.isDone(layout.host)) await this.#vips.sync(layout.host);
    // Another snapshot came meanwhile, and with it its own call.
    if (this.#layout === layout) this.#apply(snapshot);
  }

  /** Removes from this host all that sluice has made. */
  close(): Promise<void> {
    return this.#vips.close();
  }

  #report(): void {
    this.#problemLog.update([...(this.#layout?.problems ?? []), ...this.#problems]);
  }
}

import type { Clock } from '../base/clock.ts';
import type { Problem } from '../base/errors.ts';
import type { FeedConfig } from '../config/load.ts';
import type { Feed, FeedSink, FeedWarning } from '../feed/feed.ts';
import { FileFeed } from '../feed/file/file-feed.ts';
import type { FeedView } from '../metrics/views.ts';
import type { ServiceKey } from '../model/keys.ts';
import type { FeedSeat, Table } from '../table/table.ts';

export interface FeedsInit {
  readonly table: Table;
  readonly clock: Clock;
  /** Services with this label `service.kubernetes.io/service-proxy-name` are ours, too. */
  readonly serviceProxyName?: string | undefined;
  /** A feed has delivered, or has said what is wrong with its source. */
  readonly onRead: (name: string, result: 'ok' | 'failed') => void;
}

interface Entry {
  readonly feed: Feed;
  readonly seat: FeedSeat;
  synced: boolean;
  problems: readonly Problem[];
}

/** The feeds that the configuration names, running, each with its seat at the table. */
export class Feeds {
  readonly #init: FeedsInit;
  /** By what the configuration says of them: the same words are the same feed. */
  readonly #entries = new Map<string, Entry>();
  #isClosed = false;

  constructor(init: FeedsInit) {
    this.#init = init;
  }

  /** Adds a feed that the configuration does not name. Resolves once its first sync was tried. */
  async add(key: string, feed: Feed, order: number): Promise<void> {
    if (this.#isClosed) return;
    const entry: Entry = { feed, seat: this.#init.table.feed(feed.name, order), synced: false, problems: [] };
    this.#entries.set(key, entry);
    await feed.start(this.#sinkOf(entry));
  }

  /** Starts and ends feeds so that they are those of `configs`, in their order. Equal ones are left alone. */
  async sync(configs: readonly FeedConfig[]): Promise<void> {
    const wanted = new Map(configs.map((config, index) => [JSON.stringify(config), { config, index }]));
    for (const [key, entry] of this.#entries) {
      if (wanted.has(key) || !key.startsWith('{')) continue;
      this.#entries.delete(key);
      entry.seat.remove();
      await entry.feed.close();
    }
    const added = [...wanted].filter(([key]) => !this.#entries.has(key));
    const made: { key: string; feed: Feed; order: number }[] = [];
    for (const [key, { config, index }] of added)
      made.push({ key, feed: await this.#make(config, made), order: index + 1 });
    await Promise.all(made.map(({ key, feed, order }) => this.add(key, feed, order)));
  }

  async reload(): Promise<void> {
    await Promise.all(Array.from(this.#entries.values(), ({ feed }) => feed.reload()));
  }

  /** Replaces the problems of the feed with this key. */
  report(key: string, problems: readonly Problem[]): void {
    const entry = this.#entries.get(key);
    if (entry !== undefined) this.#sinkOf(entry).report(problems);
  }

  *views(): Iterable<FeedView> {
    for (const { feed, synced, problems } of this.#entries.values()) {
      const staleMs = feed.staleMs?.();
      yield {
        name: feed.name,
        synced,
        problems,
        ...(staleMs !== undefined && { staleSeconds: Math.round(staleMs) / 1000 }),
      };
    }
  }

  /** Tells every feed; the one that the service is from may have somebody to tell. */
  warn(service: ServiceKey, warning: FeedWarning): void {
    for (const { feed } of this.#entries.values()) feed.warn?.(service, warning);
  }

  /** Feeds that are added later are not started. */
  async close(): Promise<void> {
    this.#isClosed = true;
    await Promise.all(Array.from(this.#entries.values(), ({ feed }) => feed.close()));
  }

  #sinkOf(entry: Entry): FeedSink {
    return {
      sync: (state) => {
        entry.synced = true;
        entry.seat.sync(state);
        this.#init.onRead(entry.feed.name, 'ok');
      },
      report: (problems) => {
        entry.problems = problems;
        entry.seat.report(problems);
        if (problems.length > 0) this.#init.onRead(entry.feed.name, 'failed');
      },
    };
  }

  /** Feeds that nobody has named in the configuration are not loaded. */
  async #make(config: FeedConfig, others: readonly { readonly feed: Feed }[]): Promise<Feed> {
    const { clock, serviceProxyName } = this.#init;
    const name = this.#freeName(config.kind, others);
    if (config.kind === 'file') return new FileFeed({ name, path: config.path, clock, serviceProxyName });
    const { createKubeFeed } = await import('../feed/kubernetes/create.ts');
    return createKubeFeed({ name, clock, config, serviceProxyName });
  }

  /** A word for metrics: `file`, `file-2`, … */
  #freeName(kind: string, others: readonly { readonly feed: Feed }[]): string {
    const taken = new Set([...this.#entries.values(), ...others].map(({ feed }) => feed.name));
    let name = kind;
    for (let count = 2; taken.has(name); count += 1) name = `${kind}-${count}`;
    return name;
  }
}

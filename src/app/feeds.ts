import type { Clock } from '../base/clock.ts';
import type { Problem } from '../base/errors.ts';
import type { FeedConfig } from '../config/load.ts';
import type { Feed, FeedSink } from '../feed/feed.ts';
import { FileFeed } from '../feed/file/file-feed.ts';
import type { FeedView } from '../metrics/views.ts';
import type { FeedSeat, Table } from '../table/table.ts';

export interface FeedsInit {
  readonly table: Table;
  readonly clock: Clock;
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

  constructor(init: FeedsInit) {
    this.#init = init;
  }

  /** Adds a feed that the configuration does not name. Resolves once its first sync was tried. */
  add(key: string, feed: Feed, order: number): Promise<void> {
    const entry: Entry = { feed, seat: this.#init.table.feed(feed.name, order), synced: false, problems: [] };
    this.#entries.set(key, entry);
    return feed.start(this.#sinkOf(entry));
  }

  /** Starts and ends feeds so that they are those of `configs`, in their order. Equal ones are left alone. */
  async sync(configs: readonly FeedConfig[]): Promise<void> {
    const wanted = new Map(configs.map((config, index) => [`${config.kind}:${config.path}`, { config, index }]));
    for (const [key, entry] of this.#entries) {
      if (wanted.has(key) || !key.includes(':')) continue;
      this.#entries.delete(key);
      entry.seat.remove();
      await entry.feed.close();
    }
    const added = [...wanted].filter(([key]) => !this.#entries.has(key));
    await Promise.all(added.map(([key, { config, index }]) => this.add(key, this.#make(config), index + 1)));
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
    for (const { feed, synced, problems } of this.#entries.values()) yield { name: feed.name, synced, problems };
  }

  async close(): Promise<void> {
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

  /** A word for metrics: `file`, `file-2`, … */
  #make({ path }: FeedConfig): Feed {
    const taken = new Set(Array.from(this.#entries.values(), ({ feed }) => feed.name));
    let name = 'file';
    for (let count = 2; taken.has(name); count += 1) name = `file-${count}`;
    return new FileFeed({ name, path, clock: this.#init.clock });
  }
}

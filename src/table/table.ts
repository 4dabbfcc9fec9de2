import { isDeepStrictEqual } from 'node:util';
import { formatProblem, type Problem } from '../base/errors.ts';
import type { FeedSink, FeedState } from '../model/feed-state.ts';
import { type NodeView, unknownNode } from '../model/node.ts';
import type { ServiceSettings } from '../model/settings.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { SnapshotBuilder } from './build.ts';

export interface TableInit {
  /** The process's settings, which services override. */
  readonly settings: ServiceSettings;
  /** The node that sluice stands on; absent: it is not known, until `updateNode`. */
  readonly node?: NodeView;
  /** A snapshot that differs from the one before. Called in the task that `schedule` runs, and by `open`. */
  readonly onSnapshot: (snapshot: Snapshot) => void;
  /** The list of all problems is another one than before. */
  readonly onProblems?: (problems: readonly Problem[]) => void;
  /**
   * Runs `task` soon, once (`setImmediate`): all that feeds say until then costs one build. It may run it at once, then
   * every word of a feed is a build.
   */
  readonly schedule: (task: () => void) => void;
}

/** A feed's place in the table. */
export interface FeedSeat extends FeedSink {
  /** Takes the feed's objects and problems out of the table. What it says later is ignored. */
  remove(): void;
}

interface FeedEntry {
  readonly name: string;
  readonly order: number;
  /** `undefined` until the first sync. */
  state: FeedState | undefined;
  problems: readonly Problem[];
}

/**
 * Merges what all feeds say into one snapshot, and publishes it if it differs from the one before.
 *
 * Nothing is published before `open()`: the services of a feed that comes second must not be served alone, and a
 * reader's first snapshot is the whole. After it every feed that has synced counts; one that has not (its source cannot
 * be reached yet) does not hold back the others.
 */
export class Table {
  readonly #init: TableInit;
  readonly #builder = new SnapshotBuilder();
  /** In the order of precedence. */
  #feeds: readonly FeedEntry[] = [];
  #settings: ServiceSettings;
  #node: NodeView;
  #conflicts: readonly Problem[] = [];
  #told = '';
  #open = false;
  #scheduled = false;

  constructor(init: TableInit) {
    this.#init = init;
    this.#settings = init.settings;
    this.#node = init.node ?? unknownNode;
  }

  /** What was published last; at first empty, version 0. */
  get snapshot(): Snapshot {
    return this.#builder.snapshot;
  }

  /** True once every registered feed has had its first sync. A feed that is registered later takes it back. */
  get ready(): boolean {
    return this.#feeds.every((feed) => feed.state !== undefined);
  }

  /** Feeds of lower `order` win where two claim the same; among equals, the one registered first. */
  feed(name: string, order: number): FeedSeat {
    const entry: FeedEntry = { name, order, state: undefined, problems: [] };
    this.#feeds = [...this.#feeds, entry].sort((one, other) => one.order - other.order);
    return {
      sync: (state) => {
        entry.state = state;
        this.#wake();
      },
      report: (problems) => {
        entry.problems = problems;
        this.#wake();
      },
      remove: () => {
        this.#feeds = this.#feeds.filter((other) => other !== entry);
        this.#wake();
      },
    };
  }

  /** From now on snapshots are published; the first at once. To be called when every feed's `start()` has resolved. */
  open(): void {
    this.#open = true;
    this.#publish();
  }

  /** Settings that say the same as the present ones change nothing, and cost nothing. */
  updateSettings(settings: ServiceSettings): void {
    if (isDeepStrictEqual(settings, this.#settings)) return;
    this.#settings = settings;
    this.#wake();
  }

  /** A view that says the same as the present one changes nothing, and costs nothing. */
  updateNode(node: NodeView): void {
    if (isDeepStrictEqual(node, this.#node)) return;
    this.#node = node;
    this.#wake();
  }

  /** All that is wrong now: what feeds report, in their order, then what the last build left out. */
  problems(): readonly Problem[] {
    return [...this.#feeds.flatMap((feed) => feed.problems), ...this.#conflicts];
  }

  #wake(): void {
    if (!this.#open || this.#scheduled) return;
    this.#scheduled = true;
    this.#init.schedule(() => {
      this.#scheduled = false;
      this.#publish();
    });
  }

  #publish(): void {
    const before = this.#builder.snapshot;
    const feeds = this.#feeds.flatMap(({ name, state }) => (state === undefined ? [] : [{ name, state }]));
    const { snapshot, problems } = this.#builder.build({ feeds, settings: this.#settings, node: this.#node });
    this.#conflicts = problems;
    if (snapshot !== before) this.#init.onSnapshot(snapshot);
    this.#tellProblems();
  }

  #tellProblems(): void {
    const problems = this.problems();
    const text = problems.map(formatProblem).join('\n');
    if (text === this.#told) return;
    this.#told = text;
    this.#init.onProblems?.(problems);
  }
}

import type { FeedSink } from '../model/feed-state.ts';
import type { ServiceKey } from '../model/keys.ts';

export type { FeedSink, FeedState } from '../model/feed-state.ts';

/** A source of services: files, a Kubernetes API server, sluice's own API. */
export interface Feed {
  /** Unique among the feeds of a process; a metric label, so a word and not a path. */
  readonly name: string;
  /** Starts delivering. Resolves once the first sync was tried, whether or not it succeeded. */
  start(sink: FeedSink): Promise<void>;
  /** Reads the source again now, changed or not (SIGHUP). Resolves when that is done. */
  reload(): Promise<void>;
  close(): Promise<void>;
  /** Milliseconds since the source was last heard of; absent: this feed's source does not go away. */
  staleMs?(): number;
  /** Tells the source what a person who looks there should know of a service of this feed. Never waits. */
  warn?(service: ServiceKey, warning: FeedWarning): void;
}

export interface FeedWarning {
  /** One word in CamelCase, like the reasons of Kubernetes `Event`s: `FrontendBindFailed`. */
  readonly reason: string;
  readonly message: string;
}

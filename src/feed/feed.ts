import type { FeedSink } from '../model/feed-state.ts';

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
}

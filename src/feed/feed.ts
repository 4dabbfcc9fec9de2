import type { Problem } from '../base/errors.ts';
import type { EndpointSlice, Service } from '../model/service.ts';

/**
 * The whole desired state of one feed. Objects that did not change since the last delivery are the same objects
 * (`===`): the table finds out what is new by identity.
 */
export interface FeedState {
  readonly services: readonly Service[];
  readonly slices: readonly EndpointSlice[];
}

export interface FeedSink {
  /** Replaces all that this feed said before. The first call says that its first sync is complete. */
  sync(state: FeedState): void;
  /**
   * Replaces the feed's list of problems; an empty list says that all is well. Reporting does not touch the state:
   * what was last synced keeps serving.
   */
  report(problems: readonly Problem[]): void;
}

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

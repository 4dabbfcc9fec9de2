import { isDeepStrictEqual } from 'node:util';
import type { EndpointSlice, Service } from '../model/service.ts';
import type { Feed, FeedSink, FeedState } from './feed.ts';

/** The services that stand in the process configuration. Whoever reads that file tells this feed when it has changed. */
export class InlineFeed implements Feed {
  readonly name = 'inline';
  #state: FeedState;
  #sink: FeedSink | undefined;

  constructor(state: FeedState) {
    this.#state = state;
  }

  async start(sink: FeedSink): Promise<void> {
    this.#sink = sink;
    sink.sync(this.#state);
  }

  /** Replaces all services. Those that are equal to before stay the same objects, and if all are, nobody is told. */
  update(next: FeedState): void {
    const state = {
      services: keepIdentity(this.#state.services, next.services, serviceId),
      slices: keepIdentity(this.#state.slices, next.slices, sliceId),
    };
    if (sameState(this.#state, state)) return;
    this.#state = state;
    this.#sink?.sync(state);
  }

  /** Nothing to read: the configuration is somebody else's. */
  async reload(): Promise<void> {}

  async close(): Promise<void> {
    this.#sink = undefined;
  }
}

const serviceId = ({ key }: Service) => key;
const sliceId = ({ name }: EndpointSlice) => name;

/** `next`, with each object that is deeply equal to the one of the same id in `previous` replaced by that. */
export function keepIdentity<T>(previous: readonly T[], next: readonly T[], idOf: (item: T) => string): readonly T[] {
  const known = new Map(previous.map((item) => [idOf(item), item]));
  return next.map((item) => {
    const old = known.get(idOf(item));
    return old !== undefined && isDeepStrictEqual(old, item) ? old : item;
  });
}

/** The same objects in the same order. */
export function sameState(one: FeedState, other: FeedState): boolean {
  return sameItems(one.services, other.services) && sameItems(one.slices, other.slices);
}

function sameItems(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((item, index) => item === other[index]);
}

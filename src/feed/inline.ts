import { isDeepStrictEqual } from 'node:util';
import type { Pace } from '../base/pace.ts';
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

  /** `next` for `update`: what is equal to before is the same object. It takes its time, and changes nothing. */
  async prepare({ services, slices }: FeedState, pace: Pace): Promise<FeedState> {
    return {
      services: await pace.map(services, knownFirst(this.#state.services, serviceId)),
      slices: await pace.map(slices, knownFirst(this.#state.slices, sliceId)),
    };
  }

  /** Replaces all services. If they are the same objects, nobody is told. */
  update(state: FeedState): void {
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
  return next.map(knownFirst(previous, idOf));
}

/** Answers with the one of `known` that has the same id and is deeply equal, or else with the item itself. */
function knownFirst<T>(known: readonly T[], idOf: (item: T) => string): (item: T) => T {
  const byId = new Map(known.map((item) => [idOf(item), item]));
  return (item) => {
    const old = byId.get(idOf(item));
    return old !== undefined && isDeepStrictEqual(old, item) ? old : item;
  };
}

/** The same objects in the same order. */
export function sameState(one: FeedState, other: FeedState): boolean {
  return sameItems(one.services, other.services) && sameItems(one.slices, other.slices);
}

function sameItems(one: readonly unknown[], other: readonly unknown[]): boolean {
  return one.length === other.length && one.every((item, index) => item === other[index]);
}

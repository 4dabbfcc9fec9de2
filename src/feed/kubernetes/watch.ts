import type { IncomingMessage } from 'node:http';
import type { Clock, Timer } from '../../base/clock.ts';
import type { ApiClient, ApiFailure } from './api-client.ts';
import { messageOf } from './api-client.ts';
import { LineSplitter } from './lines.ts';
import { type ApiObject, objectOf, type Resource } from './objects.ts';

export interface WatchInit {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly resource: Resource;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** The events after this version are told. */
  readonly version: string;
  readonly signal: AbortSignal;
  readonly onContact: () => void;
  readonly onGarbage: () => void;
  readonly onEvent: (type: 'ADDED' | 'MODIFIED' | 'DELETED', object: ApiObject) => void;
}

export interface WatchEnd {
  /** The newest version that was told of: where the next watch begins. */
  readonly version: string;
  /** Events but for bookmarks. */
  readonly changes: number;
  /** The version is no longer known to the server (410 Gone): only a list helps. */
  readonly expired: boolean;
  /** Some of it was no event, so something may have been missed. */
  readonly garbage: boolean;
  /** It did not end in order. A connection that is cut is the order of the day, and none. */
  readonly failure?: ApiFailure;
}

/** client-go's: between 5 and 10 minutes, spread, so that watches do not all end at once. */
const timeoutSeconds = { least: 300, spread: 300 };
/**
 * A connection on which nothing came for so long is given up, as its other end may be gone without a word. Where nothing
 * changes, bookmarks come about once a minute; where there are none, another watch from the same version costs little.
 */
const silenceMs = 180_000;

/** One watch request, until it ends. Never rejects. */
export async function watchOnce(init: WatchInit): Promise<WatchEnd> {
  return new Watch(init).run();
}

class Watch {
  readonly #init: WatchInit;
  readonly #lines = new LineSplitter();
  #version: string;
  #changes = 0;
  #garbage = false;
  #expired = false;
  #failure: ApiFailure | undefined;
  #heardAt = 0;
  #isSilent = false;
  #timer: Timer | undefined;

  constructor(init: WatchInit) {
    this.#init = init;
    this.#version = init.version;
  }

  async run(): Promise<WatchEnd> {
    const { client, clock, path, query, signal } = this.#init;
    const seconds = timeoutSeconds.least + Math.floor(clock.random() * timeoutSeconds.spread);
    const parameters = new URLSearchParams({
      ...query,
      watch: 'true',
      allowWatchBookmarks: 'true',
      resourceVersion: this.#version,
      timeoutSeconds: `${seconds}`,
    });
    const opened = await client.open({ path: `${path}?${parameters}`, signal });
    if (opened.kind === 'failed') return this.#refused(opened.failure);
    const { response } = opened;
    this.#heard();
    this.#listen(response);
    try {
      for await (const chunk of response as AsyncIterable<Buffer>) {
        if (this.#take(chunk)) break;
      }
    } catch (error) {
      const isOurs = signal.aborted || this.#isSilent;
      if (!isOurs && this.#changes === 0) this.#failure ??= { code: 'CUT', message: messageOf(error) };
    } finally {
      this.#timer?.cancel();
      response.destroy();
    }
    return this.#end();
  }

  #heard(): void {
    this.#heardAt = this.#init.clock.now();
    this.#init.onContact();
  }

  /** Looks when the silence would be too long; a timer for each chunk would cost more than what it guards. */
  #listen(response: IncomingMessage): void {
    const { clock } = this.#init;
    this.#timer = clock.after(this.#heardAt + silenceMs - clock.now(), () => {
      this.#isSilent = clock.now() - this.#heardAt >= silenceMs;
      if (this.#isSilent) response.destroy();
      else this.#listen(response);
    });
  }

  #end(): WatchEnd {
    const failure = this.#failure;
    return {
      version: this.#version,
      changes: this.#changes,
      expired: this.#expired,
      garbage: this.#garbage,
      ...(failure !== undefined && { failure }),
    };
  }

  #refused(failure: ApiFailure): WatchEnd {
    if (failure.status === 410) this.#expired = true;
    else this.#failure = failure;
    return this.#end();
  }

  /** True: the server has said that there is nothing more to come. */
  #take(chunk: Buffer): boolean {
    this.#heard();
    for (const line of this.#lines.push(chunk)) {
      if (this.#event(line)) return true;
    }
    return false;
  }

  #event(line: string): boolean {
    const event = parseEvent(line);
    if (event?.type === 'ERROR') return this.#error(event.object);
    const object = event === undefined ? undefined : objectOf(namedOrNot(event), this.#init.resource);
    if (event === undefined || object === undefined) {
      this.#garbage = true;
      this.#init.onGarbage();
      return false;
    }
    this.#version = object.metadata.resourceVersion ?? this.#version;
    if (event.type === 'BOOKMARK') return false;
    this.#changes += 1;
    this.#init.onEvent(event.type, object);
    return false;
  }

  /** A `Status`: 410 is the version's age, anything else a failure like every other. */
  #error(status: unknown): true {
    const { code = 0, message = 'the watch failed' } = (status ?? {}) as { code?: number; message?: string };
    if (code === 410) this.#expired = true;
    else this.#failure = { status: code, code: `HTTP_${code}`, message };
    return true;
  }
}

const types = ['ADDED', 'MODIFIED', 'DELETED', 'BOOKMARK', 'ERROR'] as const;

interface WatchEvent {
  readonly type: (typeof types)[number];
  readonly object: unknown;
}

function parseEvent(line: string): WatchEvent | undefined {
  try {
    const event = JSON.parse(line) as WatchEvent | null;
    return event !== null && types.includes(event.type) ? event : undefined;
  } catch {
    return undefined;
  }
}

/** A bookmark carries a version and no name. */
function namedOrNot({ type, object }: WatchEvent): unknown {
  if (type !== 'BOOKMARK' || typeof object !== 'object' || object === null) return object;
  return { metadata: { name: '', ...(Reflect.get(object, 'metadata') as object | undefined) } };
}

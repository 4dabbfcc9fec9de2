import type { Readable } from 'node:stream';
import type { Clock, Timer } from '../../base/clock.ts';
import type { ApiClient, ApiFailure } from './api-client.ts';
import { messageOf } from './exchange.ts';
import { LineSplitter } from './lines.ts';
import { type ApiObject, objectOf, type Resource } from './objects.ts';
import { Silence } from './silence.ts';

export interface WatchInit {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly resource: Resource;
  readonly path: string;
  readonly query: Readonly<Record<string, string>>;
  /** The events after this version are told. */
  readonly version: string;
  /** The connection of a watch was lost since the last list. */
  readonly wasCut?: boolean;
  /** How long it goes on when some of it was no event. What follows applies; what was missed, only a list can tell. */
  readonly toleranceMs: number;
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
  /** It was given up, as nothing came for too long, or as some of it was no event: something may have been missed. */
  readonly givenUp: boolean;
  /** The connection was lost without a word. */
  readonly cut: boolean;
  /** Some of it was no event, so something may have been missed. */
  readonly garbage: boolean;
  /** It did not end in order. A connection that is cut is the order of the day, and none. */
  readonly failure?: ApiFailure;
}

/** client-go's: between 5 and 10 minutes, spread, so that watches do not all end at once. */
const timeoutSeconds = { least: 300, spread: 300 };
/**
 * A watch on which nothing came for so long is given up, as bookmarks come about once a minute where nothing changes
 * (Kubernetes 1.21 and later). Its other end may be gone without a word, or be a server whose etcd was set back: it says
 * nothing until it has come to our version again, and leaves out what happens before.
 */
const silenceMs = 180_000;
/**
 * Where the connection before was lost, such a server is more likely. Its silence shows sooner then, but not to all
 * proxies of a cluster at once, as they may all have lost theirs with one load balancer.
 */
const silenceAfterCutMs = { least: 5_000, spread: 15_000 };

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
  #isGivenUp = false;
  #isCut = false;
  /** Runs when some of it was no event. */
  #patience: Timer | undefined;
  #body: Readable | undefined;

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
    const { body } = opened;
    this.#body = body;
    this.#init.onContact();
    const silence = this.#silence();
    try {
      for await (const chunk of body as AsyncIterable<Buffer>) {
        silence.heard();
        if (this.#take(chunk)) break;
      }
    } catch (error) {
      this.#isCut = !signal.aborted && !this.#isGivenUp;
      if (this.#isCut && this.#changes === 0) this.#failure ??= { code: 'CUT', message: messageOf(error) };
    } finally {
      silence.stop();
      this.#patience?.cancel();
      body.destroy();
    }
    return this.#end();
  }

  #silence(): Silence {
    const { clock, wasCut = false } = this.#init;
    const { least, spread } = silenceAfterCutMs;
    const firstMs = wasCut ? least + spread * clock.random() : silenceMs;
    return new Silence({ clock, limitMs: silenceMs, firstMs, onSilence: () => this.#giveUp() });
  }

  #giveUp(): void {
    this.#isGivenUp = true;
    this.#body?.destroy();
  }

  #end(): WatchEnd {
    const failure = this.#failure;
    return {
      version: this.#version,
      changes: this.#changes,
      expired: this.#expired,
      garbage: this.#garbage,
      givenUp: this.#isGivenUp,
      cut: this.#isCut,
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
    this.#init.onContact();
    for (const line of this.#lines.push(chunk)) {
      // What is between here and the server may keep the connection alive with empty lines.
      if (line.trim() !== '' && this.#event(line)) return true;
    }
    return false;
  }

  #event(line: string): boolean {
    const event = parseEvent(line);
    if (event?.type === 'ERROR') return this.#error(event.object);
    const object = event === undefined ? undefined : objectOf(namedOrNot(event), this.#init.resource);
    if (event === undefined || object === undefined) {
      this.#missed();
      return false;
    }
    // An empty one would be "from now on": whatever happened in between would be missed.
    this.#version = object.metadata.resourceVersion || this.#version;
    if (event.type === 'BOOKMARK') return false;
    this.#changes += 1;
    this.#init.onEvent(event.type, object);
    return false;
  }

  #missed(): void {
    const { clock, toleranceMs, onGarbage } = this.#init;
    this.#garbage = true;
    this.#patience ??= clock.after(toleranceMs, () => this.#giveUp());
    onGarbage();
  }

  /** A `Status`: 410 is the version's age, anything else a failure like every other. */
  #error(value: unknown): true {
    const { code = 0, message = 'the watch failed', details } = (value ?? {}) as Status;
    const retryAfterMs = (details?.retryAfterSeconds ?? 0) * 1_000;
    if (code === 410) this.#expired = true;
    else this.#failure = { status: code, code: `HTTP_${code}`, message, ...(retryAfterMs > 0 && { retryAfterMs }) };
    return true;
  }
}

/** meta/v1 `Status` */
interface Status {
  readonly code?: number;
  readonly message?: string;
  readonly details?: { readonly retryAfterSeconds?: number };
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

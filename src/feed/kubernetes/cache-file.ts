import { open, readFile, rename, rm } from 'node:fs/promises';
import type { Clock } from '../../base/clock.ts';
import { errorCode } from '../../base/errors.ts';
import { Pace } from '../../base/pace.ts';
import type { EndpointSlice, Service } from '../../model/service.ts';
import type { FeedState } from '../feed.ts';

/** Changes with the shape of `FeedState`: what another sluice wrote must not be taken for something that it is not. */
const format = 'sluice kubernetes cache 1';

export type CacheResult =
  | { readonly kind: 'ok'; readonly state: FeedState; readonly savedAt: number }
  | { readonly kind: 'none' }
  | { readonly kind: 'invalid'; readonly message: string };

/**
 * The last state of a feed, for a start while the API server is away. JSON lines: a header with the counts, then one
 * object a line, so that it is written in slices of time and nobody waits for megabytes of JSON.
 */
export class CacheFile {
  readonly #path: string;
  readonly #clock: Clock;

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  /** Atomic: whoever reads finds the old state or the new one, after a crash too. Rejects with the system error. */
  async write({ services, slices, node }: FeedState): Promise<void> {
    const draft = `${this.#path}.${process.pid}.new`;
    const header = { format, savedAt: this.#clock.wallTime(), services: services.length, slices: slices.length, node };
    try {
      // It names every pod of the cluster, so it is for its owner only.
      const file = await open(draft, 'w', 0o600);
      try {
        for await (const text of this.#pieces(header, [...services, ...slices])) await file.write(text);
        await file.sync();
      } finally {
        await file.close();
      }
      await rename(draft, this.#path);
    } catch (error) {
      await rm(draft, { force: true });
      throw error;
    }
  }

  async *#pieces(header: object, objects: readonly unknown[]): AsyncGenerator<string> {
    const pace = new Pace(this.#clock);
    let piece = `${JSON.stringify(header)}\n`;
    for (const object of objects) {
      piece += `${JSON.stringify(object)}\n`;
      if (piece.length < 64 * 1024) continue;
      yield piece;
      piece = '';
      if (pace.isDue) await pace.rest();
    }
    yield piece;
  }

  async read(): Promise<CacheResult> {
    try {
      return parse(await readFile(this.#path, 'utf8'));
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return { kind: 'none' };
      return { kind: 'invalid', message: error instanceof Error ? error.message : String(error) };
    }
  }
}

interface Header {
  readonly format: string;
  readonly savedAt: number;
  readonly services: number;
  readonly slices: number;
  readonly node?: FeedState['node'];
}

/** Throws if it is no JSON. */
function parse(text: string): CacheResult {
  const [first = '', ...lines] = text.split('\n');
  const header = JSON.parse(first) as Header;
  if (header.format !== format) return { kind: 'invalid', message: 'another version of sluice wrote it' };
  if (lines.pop() !== '' || lines.length !== header.services + header.slices)
    return { kind: 'invalid', message: `it should have ${header.services + header.slices} objects` };
  const objects = lines.map((line) => JSON.parse(line) as unknown);
  return {
    kind: 'ok',
    savedAt: header.savedAt,
    state: {
      services: objects.slice(0, header.services) as Service[],
      slices: objects.slice(header.services) as EndpointSlice[],
      ...(header.node !== undefined && { node: header.node }),
    },
  };
}

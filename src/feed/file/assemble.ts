import type { Problem } from '../../base/errors.ts';
import type { LineColumn } from '../../config/document.ts';
import { formatPath } from '../../config/path.ts';
import { countLines } from '../../config/split.ts';
import type { EndpointSlice, Service } from '../../model/service.ts';
import type { FeedState } from '../feed.ts';
import type { Manifest } from '../manifests.ts';
import type { ManifestFile, ParsedChunk } from './manifest-file.ts';
import { manifestPlace } from './manifest-file.ts';

/** A file's last good version. */
export interface Source {
  readonly file: string;
  readonly content: ManifestFile;
}

export interface Placed {
  readonly manifest: Manifest;
  readonly file: string;
}

export interface Assembly {
  readonly state: FeedState;
  readonly problems: readonly Problem[];
  /** The objects that count, by their id. */
  readonly byId: ReadonlyMap<string, Placed>;
}

/**
 * Puts the objects of all files together, in the order of the files. Of two objects with one id the first counts. An
 * object that is wrong now but was right in the same file before stays as it was. A service with slices has no use for its
 * Endpoints: these are the same endpoints in Kubernetes' older form.
 */
export function assemble(sources: readonly Source[], previous: ReadonlyMap<string, Placed>): Assembly {
  const gathering = new Gathering(previous);
  for (const source of sources) gathering.add(source);
  const { byId, problems } = gathering;
  return { state: stateOf([...byId.values()].map(({ manifest }) => manifest)), problems, byId };
}

function stateOf(manifests: readonly Manifest[]): FeedState {
  const services: Service[] = [];
  const slices: EndpointSlice[] = [];
  for (const manifest of manifests) {
    if (manifest.kind === 'service') services.push(manifest.service);
    else if (manifest.kind === 'slice') slices.push(manifest.slice);
  }
  const sliced = new Set(slices.map(({ service }) => service));
  for (const manifest of manifests)
    if (manifest.kind === 'endpoints' && !sliced.has(manifest.service)) slices.push(...manifest.slices);
  return { services, slices };
}

class Gathering {
  readonly byId = new Map<string, Placed>();
  readonly problems: Problem[] = [];
  readonly #previous: ReadonlyMap<string, Placed>;

  constructor(previous: ReadonlyMap<string, Placed>) {
    this.#previous = previous;
  }

  add({ file, content }: Source): void {
    const lines = new Lines(content.bytes);
    for (const chunk of content.chunks) {
      const at = (place: LineColumn) => ({ file, line: lines.before(chunk.start) + place.line, column: place.column });
      for (const manifest of chunk.content.manifests) this.#take(manifest, file, { content, chunk, at });
    }
  }

  #take(manifest: Manifest, file: string, place: Place): void {
    if (manifest.kind === 'invalid') this.#problemsOf(manifest, place);
    const good = manifest.kind === 'invalid' ? this.#lastGood(manifest, file) : { manifest, file };
    const id = good?.manifest.id;
    if (good === undefined || id === undefined) return;
    const owner = this.byId.get(id);
    if (owner === undefined) this.byId.set(id, good);
    else if (manifest.kind !== 'invalid') this.problems.push(duplicate(manifest, id, owner, place));
  }

  #lastGood({ id }: Manifest, file: string): Placed | undefined {
    const last = id === undefined ? undefined : this.#previous.get(id);
    return last?.file === file ? last : undefined;
  }

  #problemsOf(manifest: Extract<Manifest, { kind: 'invalid' }>, { chunk, at }: Place): void {
    const places = chunk.content.faultPlaces.get(manifest) ?? [];
    for (const [index, { code, path, message }] of manifest.faults.entries()) {
      const position = at(places[index] ?? { line: 1, column: 1 });
      this.problems.push({ code, message, path: formatPath(path), position });
    }
  }
}

interface Place {
  readonly content: ManifestFile;
  readonly chunk: ParsedChunk;
  readonly at: (place: LineColumn) => Problem['position'] & object;
}

function duplicate(manifest: Manifest, id: string, owner: Placed, { content, chunk, at }: Place): Problem {
  const position = at(manifestPlace(content.bytes.toString('utf8', chunk.start, chunk.end), manifest.path));
  const message = `${id} is skipped: it is in ${owner.file} already; delete one of them`;
  return { code: 'MANIFEST_DUPLICATE', message, path: formatPath(manifest.path), position };
}

/** Counts the lines before an offset; offsets come in rising order, so no byte is counted twice. */
class Lines {
  readonly #bytes: Buffer;
  #offset = 0;
  #count = 0;

  constructor(bytes: Buffer) {
    this.#bytes = bytes;
  }

  before(offset: number): number {
    this.#count += countLines(this.#bytes, this.#offset, offset);
    this.#offset = offset;
    return this.#count;
  }
}

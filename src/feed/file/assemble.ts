import type { Problem } from '../../base/errors.ts';
import { formatPath } from '../../config/path.ts';
import { countLines } from '../../config/split.ts';
import type { EndpointSlice, Service } from '../../model/service.ts';
import { EndpointsController, type Selecting } from '../endpoints-controller.ts';
import type { FeedState } from '../feed.ts';
import type { Pod } from '../pod.ts';
import { manifestPlace } from './manifest-file.ts';
import type { GoodManifest, InvalidManifest, ManifestFile, ParsedChunk } from './version.ts';

/** A file's last good version. */
export interface Source {
  readonly file: string;
  readonly content: ManifestFile;
}

export interface Assembly {
  readonly state: FeedState;
  readonly problems: readonly Problem[];
  /** The objects that count, by their id. */
  readonly byId: ReadonlyMap<string, GoodManifest>;
}

export const emptyAssembly: Assembly = { state: { services: [], slices: [] }, problems: [], byId: new Map() };

type Of<Kind extends GoodManifest['kind']> = Extract<GoodManifest, { kind: Kind }>;

/**
 * Puts the objects of all files together, in the order of the files. Of two objects with one id the first counts. An
 * object that is wrong now but was right in the same file before stays as it was. A service with slices has no use for its
 * Endpoints: these are the same endpoints in Kubernetes' older form. One with a selector, and neither of both, gets the
 * pods that it selects.
 */
export function assemble(
  sources: readonly Source[],
  previous: Assembly,
  controller: EndpointsController = new EndpointsController(),
): Assembly {
  const gathering = new Gathering(previous);
  for (const source of sources) gathering.add(source);
  return gathering.assembly(controller);
}

/** Every object of a feed passes through here at every change of one: the usual case allocates nothing but its entry. */
class Gathering {
  readonly #byId = new Map<string, GoodManifest>();
  readonly #problems: Problem[] = [];
  readonly #services: Service[] = [];
  readonly #slices: EndpointSlice[] = [];
  readonly #endpoints: Of<'endpoints'>[] = [];
  readonly #selecting: Selecting[] = [];
  readonly #pods: Pod[] = [];
  readonly #previous: Assembly;

  constructor(previous: Assembly) {
    this.#previous = previous;
  }

  add(source: Source): void {
    const lines = new Lines(source.content.bytes);
    for (const chunk of source.content.chunks)
      for (const manifest of chunk.content.manifests) this.#take(manifest, source, chunk, lines);
  }

  assembly(controller: EndpointsController): Assembly {
    if (this.#endpoints.length > 0) this.#addEndpoints();
    if (this.#selecting.length > 0) this.#addSelected(controller);
    return {
      state: { services: this.#services, slices: this.#slices },
      problems: this.#problems,
      byId: this.#byId,
    };
  }

  #addEndpoints(): void {
    const sliced = new Set(this.#slices.map(({ service }) => service));
    for (const { service, slices } of this.#endpoints) if (!sliced.has(service)) this.#slices.push(...slices);
  }

  #addSelected(controller: EndpointsController): void {
    const written = new Set(this.#slices.map(({ service }) => service));
    for (const { service } of this.#endpoints) written.add(service);
    const selecting = this.#selecting.filter(({ service }) => !written.has(service.key));
    this.#slices.push(...controller.slicesFor(selecting, this.#pods));
  }

  #take(manifest: GoodManifest | InvalidManifest, source: Source, chunk: ParsedChunk, lines: Lines): void {
    if (manifest.kind === 'invalid') this.#problemsOf(manifest, source, chunk, lines);
    const good = manifest.kind === 'invalid' ? this.#lastGood(manifest, source.file) : manifest;
    if (good === undefined) return;
    const owner = this.#byId.get(good.id);
    if (owner === undefined) this.#keep(good);
    else if (manifest.kind !== 'invalid') this.#problems.push(duplicate(manifest, owner, source, chunk, lines));
  }

  #keep(manifest: GoodManifest): void {
    this.#byId.set(manifest.id, manifest);
    if (manifest.kind === 'service') this.#keepService(manifest);
    else if (manifest.kind === 'pod') this.#pods.push(manifest.pod);
    else if (manifest.kind === 'slice') this.#slices.push(manifest.slice);
    else if (manifest.kind === 'endpoints') this.#endpoints.push(manifest);
  }

  #keepService({ service, selection }: Of<'service'>): void {
    this.#services.push(service);
    if (selection !== undefined) this.#selecting.push({ service, selection });
  }

  #lastGood({ id }: InvalidManifest, file: string): GoodManifest | undefined {
    const last = id === undefined ? undefined : this.#previous.byId.get(id);
    return last?.file === file ? last : undefined;
  }

  #problemsOf(manifest: InvalidManifest, { file }: Source, chunk: ParsedChunk, lines: Lines): void {
    const places = chunk.content.faultPlaces.get(manifest) ?? [];
    for (const [index, { code, path, message }] of manifest.faults.entries()) {
      const { line, column } = places[index] ?? { line: 1, column: 1 };
      const position = { file, line: lines.before(chunk.start) + line, column };
      this.#problems.push({ code, message, path: formatPath(path), position });
    }
  }
}

function duplicate(
  manifest: GoodManifest,
  owner: GoodManifest,
  source: Source,
  chunk: ParsedChunk,
  lines: Lines,
): Problem {
  const { file, content } = source;
  const { line, column } = manifestPlace(content.bytes.toString('utf8', chunk.start, chunk.end), manifest.path);
  const message = `${manifest.id} is skipped: it is in ${owner.file} already; delete one of them`;
  const position = { file, line: lines.before(chunk.start) + line, column };
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

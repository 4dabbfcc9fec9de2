import { isDeepStrictEqual } from 'node:util';
import type { Problem } from '../../base/errors.ts';
import type { LineColumn } from '../../config/document.ts';
import { locator, parseDocument } from '../../config/document.ts';
import type { Path } from '../../config/path.ts';
import type { Chunk } from '../../config/split.ts';
import { countLines, splitDocuments } from '../../config/split.ts';
import type { Manifest } from '../manifests.ts';
import { readManifests } from '../manifests.ts';
import type { Pace } from './pace.ts';

/** The objects of one document. Lines count from the start of the document, so that it may move within its file. */
export interface Content {
  readonly manifests: readonly Manifest[];
  /** For each wrong manifest the places of its faults. */
  readonly faultPlaces: ReadonlyMap<Manifest, readonly LineColumn[]>;
}

export interface ParsedChunk extends Chunk {
  readonly content: Content;
}

/** One version of a file of manifests. */
export interface ManifestFile {
  readonly bytes: Buffer;
  readonly chunks: readonly ParsedChunk[];
}

export type ParsedFile =
  | { readonly kind: 'ok'; readonly file: ManifestFile }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] };

export interface ParseInit {
  /** Names the file in problems. */
  readonly file: string;
  readonly bytes: Buffer;
  /** The version before: its documents are not parsed again. */
  readonly previous: ManifestFile | undefined;
  /** The last good object of that id, whichever file it was in; equal objects keep their identity. */
  readonly known: (id: string) => Manifest | undefined;
  readonly pace: Pace;
}

interface Syntax {
  readonly chunk: Chunk;
  readonly message: string;
  readonly at: LineColumn;
}

/**
 * Parses the documents of a file that differ from the version before. A syntax error anywhere makes the whole file
 * invalid: a half-written file must not take away the objects that are not written yet.
 */
export async function parseManifestFile({ file, bytes, previous, known, pace }: ParseInit): Promise<ParsedFile> {
  const reuse = new Reuse(bytes, previous);
  const faults: Syntax[] = [];
  const chunks: ParsedChunk[] = [];
  for (const { chunk, old } of reuse.align(splitDocuments(bytes))) {
    if (old !== undefined) {
      chunks.push({ ...chunk, content: old });
      continue;
    }
    const content = parseContent(bytes.toString('utf8', chunk.start, chunk.end), known);
    if ('message' in content) faults.push({ chunk, ...content });
    else chunks.push({ ...chunk, content });
    if (pace.isDue) await pace.rest();
  }
  if (faults.length > 0) return { kind: 'invalid', problems: faults.map((fault) => syntaxProblem(fault, bytes, file)) };
  return { kind: 'ok', file: { bytes, chunks } };
}

function syntaxProblem({ chunk, message, at }: Syntax, bytes: Buffer, file: string): Problem {
  const line = countLines(bytes, 0, chunk.start) + at.line;
  return { code: 'MANIFEST_SYNTAX', message, position: { file, line, column: at.column } };
}

/** `text` must be a string of its own: a slice of the file's would keep the whole file in memory. */
function parseContent(text: string, known: ParseInit['known']): Content | { message: string; at: LineColumn } {
  const document = parseDocument(text);
  if (document.kind === 'invalid') return document;
  const manifests = document.value === null ? [] : readManifests(document.value);
  const faultPlaces = new Map<Manifest, readonly LineColumn[]>();
  let locate: ((path: Path) => LineColumn) | undefined;
  for (const manifest of manifests) {
    if (manifest.kind !== 'invalid') continue;
    locate ??= locator(text);
    const find = locate;
    faultPlaces.set(
      manifest,
      manifest.faults.map(({ path }) => find(path)),
    );
  }
  return { manifests: manifests.map((manifest) => withKnown(manifest, known)), faultPlaces };
}

/** The same manifest, with the model's objects of the last good one where they are equal. */
function withKnown(next: Manifest, known: ParseInit['known']): Manifest {
  const old = next.id === undefined ? undefined : known(next.id);
  if (old === undefined) return next;
  if (next.kind === 'service' && old.kind === 'service' && isDeepStrictEqual(next.service, old.service))
    return { ...next, service: old.service };
  if (next.kind === 'slice' && old.kind === 'slice' && isDeepStrictEqual(next.slice, old.slice))
    return { ...next, slice: old.slice };
  if (next.kind === 'endpoints' && old.kind === 'endpoints' && isDeepStrictEqual(next.slices, old.slices))
    return { ...next, slices: old.slices };
  return next;
}

/** Where a manifest begins, in the lines of its document. */
export function manifestPlace(text: string, path: Path): LineColumn {
  if (path.length > 0) return locator(text)(path);
  const [before = ''] = /^(?:\s*(?:#.*|---.*|%.*)?(?:\n|$))*/.exec(text) ?? [];
  return { line: before.split('\n').length, column: 1 };
}

/**
 * Finds the documents of the version before: those at its beginning and end by comparing bytes in place, and those
 * between, which are few as a file mostly changes in one place, by their text.
 */
class Reuse {
  readonly #bytes: Buffer;
  readonly #old: Buffer;
  readonly #oldChunks: readonly ParsedChunk[];

  constructor(bytes: Buffer, previous: ManifestFile | undefined) {
    this.#bytes = bytes;
    this.#old = previous?.bytes ?? Buffer.alloc(0);
    this.#oldChunks = previous?.chunks ?? [];
  }

  align(chunks: readonly Chunk[]): readonly { chunk: Chunk; old: Content | undefined }[] {
    const shift = this.#oldChunks.length - chunks.length;
    const shorter = Math.min(chunks.length, this.#oldChunks.length);
    let head = 0;
    while (head < shorter && this.#same(chunks[head], this.#oldChunks[head])) head += 1;
    let tail = 0;
    while (tail < shorter - head && this.#same(chunks[chunks.length - 1 - tail], this.#oldChunks.at(-1 - tail)))
      tail += 1;
    const end = chunks.length - tail;
    const moved = this.#byText(head, this.#oldChunks.length - tail);
    return chunks.map((chunk, index) => {
      if (index < head) return { chunk, old: this.#oldChunks[index]?.content };
      if (index >= end) return { chunk, old: this.#oldChunks[index + shift]?.content };
      return {
        chunk,
        old: moved.size === 0 ? undefined : moved.get(this.#bytes.toString('latin1', chunk.start, chunk.end)),
      };
    });
  }

  #same(chunk: Chunk | undefined, old: Chunk | undefined): boolean {
    if (chunk === undefined || old === undefined) return false;
    if (chunk.end - chunk.start !== old.end - old.start) return false;
    return this.#bytes.compare(this.#old, old.start, old.end, chunk.start, chunk.end) === 0;
  }

  #byText(from: number, to: number): ReadonlyMap<string, Content> {
    const between = this.#oldChunks.slice(from, to);
    return new Map(between.map(({ start, end, content }) => [this.#old.toString('latin1', start, end), content]));
  }
}

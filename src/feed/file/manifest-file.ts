import { isDeepStrictEqual } from 'node:util';
import type { Problem } from '../../base/errors.ts';
import type { Pace } from '../../base/pace.ts';
import type { LineColumn } from '../../config/document.ts';
import { locator } from '../../config/document.ts';
import type { Path } from '../../config/path.ts';
import type { Chunk } from '../../config/split.ts';
import { countLines } from '../../config/split.ts';
import type { Manifest, ManifestOptions } from '../manifests.ts';
import { alignVersions } from './align.ts';
import type { LongDocuments } from './long-documents.ts';
import type { FaultPlaces } from './read-document.ts';
import type { Content, FileManifest, ManifestFile, ParsedChunk } from './version.ts';

export type ParsedFile =
  | { readonly kind: 'ok'; readonly file: ManifestFile }
  | { readonly kind: 'invalid'; readonly problems: readonly Problem[] };

export type Known = (id: string) => Manifest | undefined;

export interface ParseInit {
  /** Names the file in problems. */
  readonly file: string;
  readonly bytes: Buffer;
  /** The version before: its documents are not parsed again. */
  readonly previous: ManifestFile | undefined;
  /** The last good object of that id, whichever file it was in; equal objects keep their identity. */
  readonly known: Known;
  readonly pace: Pace;
  readonly documents: LongDocuments;
  readonly options: ManifestOptions;
}

const nowhere: Content['faultPlaces'] = new Map();
const nothing: ManifestFile = { bytes: Buffer.alloc(0), chunks: [] };

interface Syntax {
  readonly chunk: Chunk;
  readonly message: string;
  readonly at: LineColumn;
}

/**
 * Parses the documents of a file that differ from the version before. A syntax error anywhere makes the whole file
 * invalid: a half-written file must not take away the objects that are not written yet.
 */
export async function parseManifestFile(init: ParseInit): Promise<ParsedFile> {
  const { file, bytes, previous, pace } = init;
  const { head, middle, tail, old } = alignVersions(bytes, previous ?? nothing);
  const faults: Syntax[] = [];
  const chunks: ParsedChunk[] = [];
  for (const chunk of middle) {
    const content = old(chunk) ?? (await readContent(bytes.toString('utf8', chunk.start, chunk.end), init));
    if ('message' in content) faults.push({ chunk, ...content });
    else chunks.push({ ...chunk, content });
    if (pace.isDue) await pace.rest();
  }
  if (faults.length > 0) return { kind: 'invalid', problems: faults.map((fault) => syntaxProblem(fault, bytes, file)) };
  return { kind: 'ok', file: { bytes, chunks: [...head, ...chunks, ...tail] } };
}

function syntaxProblem({ chunk, message, at }: Syntax, bytes: Buffer, file: string): Problem {
  const line = countLines(bytes, 0, chunk.start) + at.line;
  return { code: 'MANIFEST_SYNTAX', message, position: { file, line, column: at.column } };
}

/** `text` must be a string of its own: a slice of the file's would keep the whole file in memory. */
async function readContent(
  text: string,
  { file, known, options, pace, documents }: ParseInit,
): Promise<Content | Omit<Syntax, 'chunk'>> {
  const read = await documents.read(text, options, pace);
  if (read.kind === 'invalid') return read;
  const manifests = await pace.map(read.manifests, (manifest) => ({ ...withKnown(manifest, known), file }));
  return { manifests, faultPlaces: placesOf(manifests, read.faultPlaces) };
}

function placesOf(manifests: readonly FileManifest[], places: FaultPlaces): Content['faultPlaces'] {
  if (places.size === 0) return nowhere;
  const wrong = manifests.map((manifest, index) => [manifest, places.get(index) ?? []] as const);
  return new Map(wrong.filter(([{ kind }]) => kind === 'invalid'));
}

/** The same manifest, with the model's objects of the last good one where they are equal. */
function withKnown(next: Manifest, known: Known): Manifest {
  const old = next.id === undefined ? undefined : known(next.id);
  if (old === undefined) return next;
  if (next.kind === 'service' && old.kind === 'service') return { ...next, ...sameParts(next, old) };
  if (next.kind === 'pod' && old.kind === 'pod' && isDeepStrictEqual(next.pod, old.pod))
    return { ...next, pod: old.pod };
  if (next.kind === 'slice' && old.kind === 'slice' && isDeepStrictEqual(next.slice, old.slice))
    return { ...next, slice: old.slice };
  if (next.kind === 'endpoints' && old.kind === 'endpoints' && isDeepStrictEqual(next.slices, old.slices))
    return { ...next, slices: old.slices };
  return next;
}

type ServiceParts = Partial<Pick<Extract<Manifest, { kind: 'service' }>, 'service' | 'selection'>>;

function sameParts(next: ServiceParts, old: ServiceParts): ServiceParts {
  return {
    ...(isDeepStrictEqual(next.service, old.service) && old.service && { service: old.service }),
    ...(isDeepStrictEqual(next.selection, old.selection) && old.selection && { selection: old.selection }),
  };
}

/** Where a manifest begins, in the lines of its document. */
export function manifestPlace(text: string, path: Path): LineColumn {
  if (path.length > 0) return locator(text)(path);
  const [before = ''] = /^(?:\s*(?:#.*|---.*|%.*)?(?:\n|$))*/.exec(text) ?? [];
  return { line: before.split('\n').length, column: 1 };
}

import { isDeepStrictEqual } from 'node:util';
import type { Problem } from '../../base/errors.ts';
import type { LineColumn } from '../../config/document.ts';
import { locator, parseDocument } from '../../config/document.ts';
import type { Path } from '../../config/path.ts';
import type { Chunk } from '../../config/split.ts';
import { countLines } from '../../config/split.ts';
import type { Manifest, ManifestOptions } from '../manifests.ts';
import { readManifests } from '../manifests.ts';
import { alignVersions } from './align.ts';
import type { Pace } from './pace.ts';
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
    const content = old(chunk) ?? parseContent(bytes.toString('utf8', chunk.start, chunk.end), init);
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
function parseContent(
  text: string,
  { file, known, options }: Pick<ParseInit, 'file' | 'known' | 'options'>,
): Content | { message: string; at: LineColumn } {
  const document = parseDocument(text);
  if (document.kind === 'invalid') return document;
  const read = document.value === null ? [] : readManifests(document.value, [], options);
  const manifests = read.map((manifest) => ({ ...withKnown(manifest, known), file }));
  return { manifests, faultPlaces: placesOf(manifests, text) };
}

function placesOf(manifests: readonly FileManifest[], text: string): Content['faultPlaces'] {
  const wrong = manifests.filter((manifest) => manifest.kind === 'invalid');
  if (wrong.length === 0) return nowhere;
  const locate = locator(text);
  return new Map(wrong.map((manifest) => [manifest, manifest.faults.map(({ path }) => locate(path))]));
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

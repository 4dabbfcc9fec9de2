import type { Chunk } from '../../config/split.ts';
import { splitDocuments } from '../../config/split.ts';
import type { Content, ManifestFile, ParsedChunk } from './version.ts';

/**
 * A file beside its version before:
 *
 * ```
 *   before │ head: same bytes │ changed  │ tail: same bytes │
 *   now    │ head             │ middle      │ tail, moved   │
 * ```
 */
export interface Alignment {
  readonly head: readonly ParsedChunk[];
  /** Documents to parse, unless `old` knows them. */
  readonly middle: readonly Chunk[];
  readonly tail: readonly ParsedChunk[];
  /** The content of a document of the middle that was somewhere in the changed part before. */
  readonly old: (chunk: Chunk) => Content | undefined;
}

/** A marker and the blank after it; a document ends where these begin. */
const markerBytes = 5;
const blockBytes = 64 * 1024;

/**
 * Finds what need not be parsed again. A file mostly changes in one place, so nearly all of it is found by comparing memory
 * from both ends, at a cost that does not depend on the number of documents.
 */
export function alignVersions(bytes: Buffer, before: ManifestFile): Alignment {
  const { bytes: oldBytes, chunks } = before;
  const prefix = commonPrefix(bytes, oldBytes);
  const suffix = commonSuffix(bytes, oldBytes, Math.min(bytes.length, oldBytes.length) - prefix);
  if (prefix === bytes.length && prefix === oldBytes.length)
    return { head: chunks, middle: [], tail: [], old: () => undefined };
  const headCount = countWhile(chunks, ({ end }) => end + markerBytes <= prefix);
  // The first document that looks the same is left to the middle: a directive before it may belong to it now.
  const sameTail = countWhile(chunks.toReversed(), ({ start }) => start > oldBytes.length - suffix) - 1;
  const tailCount = Math.max(0, Math.min(sameTail, chunks.length - headCount));
  const head = chunks.slice(0, headCount);
  const tail = moved(chunks.slice(chunks.length - tailCount), bytes.length - oldBytes.length);
  const middle = splitDocuments(bytes, head.at(-1)?.end ?? 0, tail[0]?.start ?? bytes.length);
  return { head, middle, tail, old: byText(bytes, oldBytes, chunks.slice(headCount, chunks.length - tailCount)) };
}

function moved(chunks: readonly ParsedChunk[], by: number): readonly ParsedChunk[] {
  if (by === 0) return chunks;
  return chunks.map(({ start, end, content }) => ({ start: start + by, end: end + by, content }));
}

function byText(bytes: Buffer, oldBytes: Buffer, chunks: readonly ParsedChunk[]): Alignment['old'] {
  const contents = new Map(chunks.map(({ start, end, content }) => [oldBytes.toString('latin1', start, end), content]));
  if (contents.size === 0) return () => undefined;
  return ({ start, end }) => contents.get(bytes.toString('latin1', start, end));
}

function countWhile<Item>(items: readonly Item[], holds: (item: Item) => boolean): number {
  const first = items.findIndex((item) => !holds(item));
  return first < 0 ? items.length : first;
}

/** How many bytes at the beginning are the same. */
function commonPrefix(one: Buffer, other: Buffer): number {
  const length = Math.min(one.length, other.length);
  let at = 0;
  while (at + blockBytes <= length && one.compare(other, at, at + blockBytes, at, at + blockBytes) === 0)
    at += blockBytes;
  while (at < length && one[at] === other[at]) at += 1;
  return at;
}

/** How many bytes at the end are the same, at most `limit`. */
function commonSuffix(one: Buffer, other: Buffer, limit: number): number {
  const same = (count: number) => {
    const [end, otherEnd] = [one.length - count, other.length - count];
    return one.compare(other, otherEnd - blockBytes, otherEnd, end - blockBytes, end) === 0;
  };
  let count = 0;
  while (count + blockBytes <= limit && same(count)) count += blockBytes;
  while (count < limit && one[one.length - 1 - count] === other[other.length - 1 - count]) count += 1;
  return count;
}

/** One document of a multi-document file: the bytes from `start` to before `end`. */
export interface Chunk {
  readonly start: number;
  readonly end: number;
}

const marker = Buffer.from('\n---');
const whitespace = [0x0a, 0x0d, 0x20, 0x09];

/**
 * Cuts YAML at its document markers (`---` in the first column, YAML 1.2 section 9.1.2), which can be nothing else there.
 * So it needs no parser, and a document can be compared with an older version of itself by its bytes. `from` and `to` must
 * be the beginning and the end of documents.
 */
export function splitDocuments(bytes: Buffer, from = 0, to = bytes.length): readonly Chunk[] {
  const chunks: Chunk[] = [];
  let start = from;
  for (let at = bytes.indexOf(marker, from); at >= 0 && at + 1 < to; at = bytes.indexOf(marker, at + 1)) {
    const next = bytes[at + marker.length];
    if (next !== undefined && !whitespace.includes(next)) continue;
    const chunk = { start, end: at + 1 };
    if (endsWithDirective(bytes, chunk)) continue;
    chunks.push(chunk);
    start = chunk.end;
  }
  return [...chunks, { start, end: to }];
}

/** `%YAML 1.2` and the like belong to the document that the next marker opens. */
function endsWithDirective(bytes: Buffer, { start, end }: Chunk): boolean {
  const line = bytes.lastIndexOf(0x0a, end - 2) + 1;
  return bytes[Math.max(line, start)] === 0x25;
}

/** How many lines end in the bytes from `start` to before `end`. */
export function countLines(bytes: Buffer, start: number, end: number): number {
  let lines = 0;
  for (let at = bytes.indexOf(0x0a, start); at >= 0 && at < end; at = bytes.indexOf(0x0a, at + 1)) lines += 1;
  return lines;
}

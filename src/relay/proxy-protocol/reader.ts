import { decodeProxyHeader } from './decode.ts';
import { type Decoded, maxV2Bytes } from './header.ts';

export interface HeaderRead {
  readonly decoded: Decoded;
  /** What came behind a whole header. */
  readonly rest: Buffer;
}

/** Reads a header that comes in pieces. What it keeps is bounded: of each piece, no more than the longest header. */
export class ProxyHeaderReader {
  #kept = nothing;

  /** Nothing has come yet. */
  get isEmpty(): boolean {
    return this.#kept.length === 0;
  }

  /** Must not be called again after a header that is whole or invalid. Keeps no reference to `chunk`. */
  read(chunk: Buffer): HeaderRead {
    const bytes = this.isEmpty ? chunk : Buffer.concat([this.#kept, chunk]);
    const decoded = decodeProxyHeader(bytes);
    if (decoded.kind === 'incomplete') this.#kept = Buffer.from(bytes.subarray(0, maxV2Bytes));
    return { decoded, rest: decoded.kind === 'header' ? Buffer.from(bytes.subarray(decoded.length)) : nothing };
  }
}

const nothing = Buffer.alloc(0);

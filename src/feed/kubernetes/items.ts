import { Pieces } from './pieces.ts';

const [quote, backslash, comma, bracket] = [0x22, 0x5c, 0x2c, 0x5b];
/** By byte: `[` and `{` open something, `]` and `}` close it. */
const steps = new Int8Array(256);
for (const byte of Buffer.from('[{')) steps[byte] = 1;
for (const byte of Buffer.from(']}')) steps[byte] = -1;
const itemsKey = /[{,]\s*"items"\s*:\s*$/;

/**
 * The items of a list in JSON (`{"metadata": …, "items": […]}`) as the chunks come, and at the end what else it says.
 * kube-apiserver gives a list of everything in one piece, whatever `limit` says (it has it in its watch cache): tens of
 * megabytes, which parsed as a whole would stop all traffic for as long, and take several times the memory.
 *
 * It only finds where items end: an item, or the rest, is JSON if a parser says so. Not by a library, as those make a
 * token of each value: the time of a million tokens to find five thousand ends.
 */
export class ItemSplitter {
  readonly #pieces = new Pieces();
  #rest = '';
  /** How many brackets and braces are open. */
  #depth = 0;
  #isInString = false;
  #isEscaped = false;
  #isInItems = false;

  *push(chunk: Buffer): Generator<string> {
    let start = 0;
    for (let at = this.#seek(chunk, 0); at < chunk.length; at = this.#seek(chunk, at + 1)) {
      if (this.#isInItems) {
        this.#pieces.push(chunk.subarray(start, at));
        const text = this.#pieces.take();
        this.#isInItems = chunk[at] === comma;
        start = this.#isInItems ? at + 1 : at;
        if (text.trim() !== '') yield text;
      } else if (chunk[at] === bracket) {
        this.#pieces.push(chunk.subarray(start, at));
        this.#rest += this.#pieces.take();
        this.#isInItems = itemsKey.test(this.#rest);
        this.#rest += '[';
        start = at + 1;
      }
    }
    this.#pieces.push(chunk.subarray(start));
  }

  /** The list without its items; no JSON if the list was none, or did not come to its end. To be called once. */
  rest(): string {
    return this.#rest + this.#pieces.take();
  }

  /** The next place where a value of a member of the list begins or ends, or a part of it does: where depth 2 is. */
  #seek(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at += 1) {
      if (this.#isInString) at = this.#endOfString(chunk, at);
      else if (this.#isBoundary(chunk[at] ?? 0)) return at;
    }
    return chunk.length;
  }

  #endOfString(chunk: Buffer, from: number): number {
    for (let at = from; at < chunk.length; at += 1) {
      const byte = chunk[at];
      if (this.#isEscaped) this.#isEscaped = false;
      else if (byte === backslash) this.#isEscaped = true;
      else if (byte === quote) {
        this.#isInString = false;
        return at;
      }
    }
    return chunk.length;
  }

  #isBoundary(byte: number): boolean {
    if (byte === quote) this.#isInString = true;
    if (byte === comma) return this.#depth === 2;
    const step = steps[byte] ?? 0;
    this.#depth += step;
    return step !== 0 && this.#depth === (step > 0 ? 2 : 1);
  }
}

import { Pieces } from './pieces.ts';

const lineFeed = 0x0a;

/**
 * The lines of a stream, as the chunks come; the last one only if a line feed ends it: half an object is none. A line
 * that is too long is given as `…`.
 */
export class LineSplitter {
  readonly #line = new Pieces();

  *push(chunk: Buffer): Generator<string> {
    let start = 0;
    for (let at = chunk.indexOf(lineFeed); at >= 0; at = chunk.indexOf(lineFeed, start)) {
      this.#line.push(chunk.subarray(start, at));
      yield this.#line.take();
      start = at + 1;
    }
    this.#line.push(chunk.subarray(start));
  }
}

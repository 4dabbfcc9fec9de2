const lineFeed = 0x0a;

/** An object of Kubernetes has some 1.5 MiB at most (etcd's limit); a line that is much longer is none. */
const maxLineBytes = 16 * 1024 ** 2;

/**
 * The lines of a stream, as the chunks come; the last one only if a line feed ends it: half an object is none. A line
 * that is too long is given as an empty one.
 */
export class LineSplitter {
  #held: Buffer[] = [];
  #heldBytes = 0;

  *push(chunk: Buffer): Generator<string> {
    let start = 0;
    for (let at = chunk.indexOf(lineFeed); at >= 0; at = chunk.indexOf(lineFeed, start)) {
      this.#hold(chunk.subarray(start, at));
      yield this.#take();
      start = at + 1;
    }
    this.#hold(chunk.subarray(start));
  }

  #hold(part: Buffer): void {
    if (part.length === 0) return;
    this.#heldBytes += part.length;
    if (this.#heldBytes > maxLineBytes) this.#held = [];
    else this.#held.push(part);
  }

  #take(): string {
    const text = this.#heldBytes > maxLineBytes ? '' : Buffer.concat(this.#held).toString('utf8');
    this.#held = [];
    this.#heldBytes = 0;
    return text;
  }
}

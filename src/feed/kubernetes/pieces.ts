/** An object of Kubernetes has some 1.5 MiB at most (etcd's limit); a text that is much longer is none. */
const maxBytes = 16 * 1024 ** 2;

/** A text that comes in pieces, cut anywhere. One that is too long for an object is not held, and given as `…`: no JSON. */
export class Pieces {
  #held: Buffer[] = [];
  #bytes = 0;

  push(piece: Buffer): void {
    if (piece.length === 0) return;
    this.#bytes += piece.length;
    if (this.#bytes > maxBytes) this.#held = [];
    else this.#held.push(piece);
  }

  /** The text up to now; the next one begins. */
  take(): string {
    const text = this.#bytes > maxBytes ? '…' : Buffer.concat(this.#held).toString('utf8');
    this.#held = [];
    this.#bytes = 0;
    return text;
  }
}

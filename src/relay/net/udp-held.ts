/** What the datagrams that are held may take together, in bytes. */
const maxHeldBytes = 16 * 1024 * 1024;

/** Keeps the memory for held datagrams bounded, however many sessions there are. */
export class HeldBytes {
  #bytes = 0;

  get bytes(): number {
    return this.#bytes;
  }

  /** False: no more can be held, and nothing was counted. */
  tryHold(bytes: number): boolean {
    if (this.#bytes + bytes > maxHeldBytes) return false;
    this.#bytes += bytes;
    return true;
  }

  release(bytes: number): void {
    this.#bytes -= bytes;
  }
}

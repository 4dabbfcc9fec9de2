const flowsPerBlock = 1_024;

/** What is noted of a TCP flow. Times are of the monotonic clock, in milliseconds. */
const columns = {
  startedAt: 0,
  /** When something has last moved, as far as somebody has looked. */
  activeAt: 1,
  connectMs: 2,
  /** What had moved both ways when somebody last looked. */
  seenBytes: 3,
  /** What the target's counters have of it. */
  settledUp: 4,
  settledDown: 5,
} as const;

export type Column = keyof typeof columns;
const columnsPerFlow = Object.keys(columns).length;

/**
 * The numbers that policy keeps of each flow, by its slot. In a field of its own, a number that may have a fraction takes
 * 24 bytes of V8's heap, for each idle connection; here it takes 8.
 */
export class Ledger {
  readonly #blocks: Float64Array[] = [];

  /** The slot has a new flow: all is 0. */
  open(slot: number): void {
    const index = Math.trunc(slot / flowsPerBlock);
    while (this.#blocks.length <= index) this.#blocks.push(new Float64Array(flowsPerBlock * columnsPerFlow));
    const at = (slot % flowsPerBlock) * columnsPerFlow;
    this.#blocks[index]?.fill(0, at, at + columnsPerFlow);
  }

  get(slot: number, column: Column): number {
    return this.#blockOf(slot)[(slot % flowsPerBlock) * columnsPerFlow + columns[column]] ?? 0;
  }

  set(slot: number, column: Column, value: number): void {
    this.#blockOf(slot)[(slot % flowsPerBlock) * columnsPerFlow + columns[column]] = value;
  }

  #blockOf(slot: number): Float64Array {
    const block = this.#blocks[Math.trunc(slot / flowsPerBlock)];
    if (block === undefined) throw new Error(`slot ${slot} was not opened`);
    return block;
  }
}

/** A histogram in plain numbers. Values above the last bound count in `count` and `sum` only. */
export class Histogram {
  /** Upper bounds, inclusive, rising. */
  readonly bounds: readonly number[];
  readonly #buckets: number[];
  count = 0;
  sum = 0;

  constructor(bounds: readonly number[]) {
    this.bounds = bounds;
    this.#buckets = bounds.map(() => 0);
  }

  observe(value: number): void {
    this.count += 1;
    this.sum += value;
    const index = this.bounds.findIndex((bound) => value <= bound);
    const bucket = this.#buckets[index];
    if (bucket !== undefined) this.#buckets[index] = bucket + 1;
  }

  /** Each bound with the number of values that are no larger, as Prometheus wants them. */
  *cumulative(): Iterable<[bound: number, count: number]> {
    let below = 0;
    for (const [index, bound] of this.bounds.entries()) {
      below += this.#buckets[index] ?? 0;
      yield [bound, below];
    }
  }
}

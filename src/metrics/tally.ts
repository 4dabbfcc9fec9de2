/** Counts how often each word was said. */
export class Tally<Word extends string> {
  /** Made with the first word: most tallies of most endpoints stay empty. */
  #counts: Map<Word, number> | undefined;

  add(word: Word): void {
    this.#counts ??= new Map();
    this.#counts.set(word, (this.#counts.get(word) ?? 0) + 1);
  }

  /** The words that were said. */
  entries(): Iterable<[Word, number]> {
    return this.#counts ?? [];
  }
}

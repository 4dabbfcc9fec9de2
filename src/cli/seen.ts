import type { AnyResource, Column } from './resources.ts';

/** What `--watch` has seen, to know what is news. */
export class Seen {
  readonly #resource: AnyResource;
  readonly #columns: readonly Column<unknown>[];
  #known: ReadonlyMap<string, { readonly item: unknown; readonly face: string }> = new Map();

  constructor(resource: AnyResource, columns: readonly Column<unknown>[]) {
    this.#resource = resource;
    this.#columns = columns.filter(({ ticks }) => !ticks);
  }

  /** Those of `items` that are new or look different, and those that are gone. */
  look(items: readonly unknown[]): readonly unknown[] {
    const before = this.#known;
    this.#known = new Map(
      items.map((item) => [
        `${this.#resource.namespace(item)} ${this.#resource.id(item)}`,
        { item, face: this.#columns.map(({ cell }) => cell(item, 0)).join('\0') },
      ]),
    );
    const news = [...this.#known].filter(([key, { face }]) => before.get(key)?.face !== face);
    const gone = [...before].filter(([key]) => !this.#known.has(key));
    return [...news, ...gone].map(([, { item }]) => item);
  }
}

import { keyOf, type Stored } from './api-watch.ts';

export interface Page {
  readonly kind: string;
  readonly apiVersion: string;
  /** All that were asked for, in any order. */
  readonly objects: readonly Stored['object'][];
  /** The state that the list is of: it comes back with `continue`. */
  readonly version: string;
  /** The same, as clients see it. */
  readonly resourceVersion: string;
  readonly offset: number;
  /** The items at most. */
  readonly size: number;
}

/** The text of one page of a list, which says where the next one begins. */
export function pageText({ kind, apiVersion, objects, version, resourceVersion, offset, size }: Page): string {
  const all = [...objects].sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
  const end = Math.min(all.length, offset + size);
  // Items of a list do not say their kind.
  const items = all.slice(offset, end).map(({ kind: _, apiVersion: __, ...rest }) => rest);
  const next = end < all.length ? { continue: `${version}:${end}` } : {};
  return JSON.stringify({ kind: `${kind}List`, apiVersion, metadata: { resourceVersion, ...next }, items });
}

/** How many items the page has at most that this asks for; `pageItems`: the server's own limit, for those who page. */
export function sizeOf({ searchParams }: URL, pageItems = Number.POSITIVE_INFINITY): number {
  const limit = searchParams.get('resourceVersion') === '0' ? 0 : Number(searchParams.get('limit'));
  const most = searchParams.has('limit') ? pageItems : Number.POSITIVE_INFINITY;
  return Math.min(limit || Number.POSITIVE_INFINITY, most);
}

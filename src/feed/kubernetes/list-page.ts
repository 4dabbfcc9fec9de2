import type { Clock } from '../../base/clock.ts';
import { Pace } from '../../base/pace.ts';
import type { ApiClient, Failed } from './api-client.ts';
import { failure } from './exchange.ts';
import { ItemSplitter } from './items.ts';
import { type ApiObject, objectOf, type Resource } from './objects.ts';

export interface ListPageInit {
  readonly client: ApiClient;
  readonly clock: Clock;
  readonly resource: Resource;
  readonly path: string;
  readonly signal: AbortSignal;
  readonly onItem: (object: ApiObject) => void;
  /** An item was no object of Kubernetes. */
  readonly onGarbage: () => void;
}

export type ListPage =
  | {
      readonly kind: 'ok';
      /** Of the whole list, and where a watch begins; empty: the server does not say. */
      readonly version: string;
      /** `continue`: for the next page; absent: it was the last. */
      readonly next: string | undefined;
    }
  | Failed;

/** Reads one answer to a list request, item by item as it comes. Never rejects. */
export async function readListPage(init: ListPageInit): Promise<ListPage> {
  const { client, clock, path, signal } = init;
  const items = new ItemSplitter();
  const pace = new Pace(clock);
  const result = await client.read({ path, signal }, async (chunk) => {
    for (const text of items.push(chunk)) {
      takeItem(text, init);
      if (pace.isDue) await pace.rest();
    }
  });
  return result.kind === 'failed' ? result : pageOf(items.rest(), init.resource);
}

function takeItem(text: string, { resource, onItem, onGarbage }: ListPageInit): void {
  const object = objectOf(parse(text), resource);
  if (object === undefined) onGarbage();
  else onItem(object);
}

interface ListRest {
  readonly kind?: unknown;
  /** What is left of the items is an empty list; `null` is what Go writes for none. */
  readonly items?: unknown;
  readonly metadata?: { readonly resourceVersion?: unknown; readonly continue?: string };
}

/**
 * A list without a version is one all the same, as for client-go: old servers give none where a field selector finds
 * nothing (kubernetes/kubernetes#64147). It must say its kind then, lest anything else is taken for an empty list.
 */
function pageOf(rest: string, { kind }: Resource): ListPage {
  const { kind: said, items, metadata } = (parse(rest) ?? {}) as ListRest;
  const version = metadata?.resourceVersion;
  const isVersioned = typeof version === 'string';
  if ((!Array.isArray(items) && items !== null) || !(isVersioned || said === `${kind}List`))
    return failure('MALFORMED', `the answer is no list of ${kind}`);
  return { kind: 'ok', version: isVersioned ? version : '', next: metadata?.continue || undefined };
}

/** `undefined`: it is no JSON. */
function parse(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return undefined;
  }
}

import type { ServerResponse } from 'node:http';
import { isInNamespace, resourceOf, type TestObject } from './api-matching.ts';

/** An object as the server keeps it. */
export interface Stored {
  readonly type: string;
  readonly object: TestObject & { readonly metadata: { readonly resourceVersion: string } };
}

/** Somebody who is told what changes. */
export interface Watcher {
  readonly path: string;
  /** Only what is newer is told. */
  readonly from: number;
  readonly response: ServerResponse;
  readonly matches: (object: TestObject) => boolean;
  /** What it was told of, for the events of selectors: an object that no longer matches is deleted. */
  readonly known: Set<string>;
}

/** A change, as it is told to those who watch from before it. */
export interface WatchLog {
  readonly version: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: Stored['object'];
}

/** Writes the event that this watcher's selector makes of the change, if it is one for it. */
export function tellOne({ path, from, response, matches, known }: Watcher, { version, type, object }: WatchLog): void {
  if (version <= from) return;
  if (resourceOf(path)?.kind !== object.kind || !isInNamespace(path, object)) return;
  const key = keyOf(object);
  const isIn = type !== 'DELETED' && matches(object);
  if (isIn) response.write(line({ type: known.has(key) ? 'MODIFIED' : 'ADDED', object }));
  else if (known.has(key)) response.write(line({ type: 'DELETED', object }));
  if (isIn) known.add(key);
  else known.delete(key);
}

/** Whether the watcher asked for such an object. */
export function isAt({ path, matches }: Watcher, object: TestObject): boolean {
  return resourceOf(path)?.kind === object.kind && isInNamespace(path, object) && matches(object);
}

/** The `Status` of a version that is forgotten. */
export const gone = {
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message: 'too old resource version',
  reason: 'Expired',
  code: 410,
};

/** An event, as it stands in the stream. */
export function line(event: object): string {
  return `${JSON.stringify(event)}\n`;
}

export function keyOf({ kind, metadata }: TestObject): string {
  return `${kind} ${metadata.namespace ?? 'default'}/${metadata.name}`;
}

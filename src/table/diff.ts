import type { Frontend, ServicePort, Snapshot } from '../model/snapshot.ts';

export interface Replaced<T> {
  readonly before: T;
  readonly after: T;
}

export interface Changes<T> {
  readonly added: readonly T[];
  readonly removed: readonly T[];
  /** What has the same key in both, and is not the same object. */
  readonly changed: readonly Replaced<T>[];
}

export interface SnapshotChange {
  readonly frontends: Changes<Frontend>;
  readonly servicePorts: Changes<ServicePort>;
}

/** What must be done to `before` to get `after`. Compares objects by identity, as snapshots share what is equal. */
export function diff(before: Snapshot, after: Snapshot): SnapshotChange {
  return {
    frontends: diffMaps(before.frontends, after.frontends),
    servicePorts: diffMaps(before.servicePorts, after.servicePorts),
  };
}

function diffMaps<K, T>(before: ReadonlyMap<K, T>, after: ReadonlyMap<K, T>): Changes<T> {
  const added: T[] = [];
  const changed: Replaced<T>[] = [];
  for (const [key, value] of after) {
    const old = before.get(key);
    if (old === undefined) added.push(value);
    else if (old !== value) changed.push({ before: old, after: value });
  }
  const stayed = after.size - added.length;
  const removed =
    before.size === stayed ? [] : [...before].filter(([key]) => !after.has(key)).map(([, value]) => value);
  return { added, removed, changed };
}

import { isDeepStrictEqual } from 'node:util';
import type { Problem } from '../../base/errors.ts';
import { formatPath } from '../../config/path.ts';
import type { Manifest, ManifestOptions } from '../manifests.ts';
import { readManifests } from '../manifests.ts';
import type { ApiObject, ObjectSink } from './objects.ts';

export type GoodManifest = Exclude<Manifest, { kind: 'invalid' }>;
type InvalidManifest = Extract<Manifest, { kind: 'invalid' }>;

/** An object of the API server, as far as a proxy reads it; the object itself is not kept. */
export interface StoredObject {
  readonly kind: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  /** Its last good self. `undefined`: it never was right, or is of no use to a proxy. */
  readonly manifest: GoodManifest | undefined;
  /** What is wrong with it now. */
  readonly problems: readonly Problem[];
}

export interface ManifestStoreInit {
  /** An object is wrong. */
  readonly onInvalid: (object: StoredObject) => void;
  /** What the label `service.kubernetes.io/service-proxy-name` says of objects for us. */
  readonly proxyName?: string | undefined;
}

const none: readonly Problem[] = [];

/**
 * The objects of one kind. An object that is told again, unchanged in what matters here, stays the same (`===`); one that
 * is wrong now stays as it last was right.
 */
export class ManifestStore implements ObjectSink {
  readonly #onInvalid: (object: StoredObject) => void;
  readonly #options: ManifestOptions;
  #objects = new Map<string, StoredObject>();
  #next = new Map<string, StoredObject>();
  #invalid = 0;
  #hasAll = false;

  constructor({ onInvalid, proxyName }: ManifestStoreInit) {
    this.#onInvalid = onInvalid;
    this.#options = proxyName === undefined ? {} : { proxyName };
  }

  /** A list was complete once. */
  get hasAll(): boolean {
    return this.#hasAll;
  }

  get size(): number {
    return this.#objects.size;
  }

  values(): Iterable<StoredObject> {
    return this.#objects.values();
  }

  get(namespace: string, name: string): StoredObject | undefined {
    return this.#objects.get(`${namespace}/${name}`);
  }

  problems(): readonly Problem[] {
    if (this.#invalid === 0) return [];
    return [...this.#objects.values()].flatMap(({ problems }) => problems);
  }

  begin(): void {
    this.#next = new Map();
  }

  add(item: ApiObject): void {
    this.#next.set(keyOf(item), this.#read(item));
  }

  /** What was there before keeps its place, so that another list is not another order. */
  end(): void {
    const objects = new Map<string, StoredObject>();
    for (const key of this.#objects.keys()) {
      const object = this.#next.get(key);
      if (object !== undefined) objects.set(key, object);
    }
    for (const [key, object] of this.#next) objects.set(key, object);
    this.#objects = objects;
    this.#next = new Map();
    this.#hasAll = true;
    this.#invalid = 0;
    for (const { problems } of objects.values()) if (problems.length > 0) this.#invalid += 1;
  }

  put(object: ApiObject): void {
    const stored = this.#read(object);
    this.#countOut(keyOf(object));
    if (stored.problems.length > 0) this.#invalid += 1;
    this.#objects.set(keyOf(object), stored);
  }

  remove(object: ApiObject): void {
    this.#countOut(keyOf(object));
    this.#objects.delete(keyOf(object));
  }

  #countOut(key: string): void {
    if ((this.#objects.get(key)?.problems.length ?? 0) > 0) this.#invalid -= 1;
  }

  /** An equal `resourceVersion` says nothing: after etcd was set back, what came since has the numbers of what is lost. */
  #read(object: ApiObject): StoredObject {
    const { namespace = 'default', name, uid = '' } = object.metadata;
    const before = this.#objects.get(keyOf(object));
    const identity = { kind: object.kind, namespace, name, uid };
    const last = before?.uid === uid ? before.manifest : undefined;
    const [manifest] = readManifests(object, [], this.#options);
    if (manifest?.kind !== 'invalid') return { manifest: kept(last, manifest), problems: none, ...identity };
    const stored = { manifest: last, problems: problemsOf(manifest), ...identity };
    this.#onInvalid(stored);
    return stored;
  }
}

function keyOf({ metadata: { namespace = 'default', name } }: ApiObject): string {
  return `${namespace}/${name}`;
}

function kept(last: GoodManifest | undefined, next: GoodManifest | undefined): GoodManifest | undefined {
  return last !== undefined && isDeepStrictEqual(last, next) ? last : next;
}

function problemsOf({ faults }: InvalidManifest): readonly Problem[] {
  return faults.map(({ code, path, message }) => ({ code, path: formatPath(path), message }));
}

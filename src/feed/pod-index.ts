import type { Pod } from './pod.ts';

/** Finds pods by their labels, without a look at every pod for every service. */
export class PodIndex {
  /** By namespace and one label; in the order of the pods. */
  readonly #byLabel = new Map<string, Pod[]>();

  constructor(pods: readonly Pod[]) {
    for (const pod of pods) for (const label of Object.entries(pod.labels)) this.#add(pod, label);
  }

  /** The pods of the namespace that carry all labels of a selector that is not empty. */
  select(namespace: string, selector: Readonly<Record<string, string>>): readonly Pod[] {
    const wanted = Object.entries(selector);
    const lists = wanted.map((label) => this.#byLabel.get(keyOf(namespace, label)) ?? []);
    const [shortest = []] = lists.sort((one, other) => one.length - other.length);
    return shortest.filter(({ labels }) => wanted.every(([key, value]) => labels[key] === value));
  }

  #add(pod: Pod, label: readonly [string, string]): void {
    const key = keyOf(pod.namespace, label);
    const list = this.#byLabel.get(key);
    if (list === undefined) this.#byLabel.set(key, [pod]);
    else list.push(pod);
  }
}

/** None of the three can contain a space. */
function keyOf(namespace: string, [key, value]: readonly [string, string]): string {
  return `${namespace} ${key} ${value}`;
}

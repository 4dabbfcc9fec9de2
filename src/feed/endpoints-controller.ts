import { familyOf, type IpFamily } from '../model/address.ts';
import type { EndpointSlice, Service, SliceEndpoint, SlicePort } from '../model/service.ts';
import type { Pod, SelectedPort, Selection } from './pod.ts';
import { PodIndex } from './pod-index.ts';

/** A Service whose endpoints nobody has written. */
export interface Selecting {
  readonly service: Service;
  readonly selection: Selection;
}

/** The slices of one service, and what they were made from. */
interface Made {
  readonly selecting: Selecting;
  readonly pods: readonly Pod[];
  readonly slices: readonly EndpointSlice[];
}

/**
 * Does for manifests what Kubernetes' endpoints controller does in a cluster: a Service with a selector gets slices of the
 * pods of its namespace that carry all its labels. A service whose pods are the same objects as in the call before keeps
 * its slices.
 */
export class EndpointsController {
  #made: ReadonlyMap<string, Made> = new Map();

  slicesFor(services: readonly Selecting[], pods: readonly Pod[]): readonly EndpointSlice[] {
    const index = new PodIndex(pods);
    const made = services.map((selecting): [string, Made] => [selecting.service.key, this.#make(selecting, index)]);
    this.#made = new Map(made);
    return made.flatMap(([, { slices }]) => slices);
  }

  #make(selecting: Selecting, index: PodIndex): Made {
    const { service, selection } = selecting;
    const pods = index.select(service.namespace, selection.selector);
    const old = this.#made.get(service.key);
    const isSame = old?.selecting.selection === selection && samePods(old.pods, pods);
    if (isSame) return { ...old, selecting };
    return { selecting, pods, slices: slicesOf(selecting, pods) };
  }
}

function samePods(one: readonly Pod[], other: readonly Pod[]): boolean {
  return one.length === other.length && one.every((pod, index) => pod === other[index]);
}

/**
 * One slice for each IP family and each run of pods that resolve the ports alike. Runs, not sets: the turn of round robin
 * goes through the pods as they are written. `#` is in no Kubernetes name, so these are different from real slices.
 */
export function slicesOf({ service, selection }: Selecting, pods: readonly Pod[]): readonly EndpointSlice[] {
  return (['IPv4', 'IPv6'] as const).flatMap((family) =>
    runsOf(selection, pods, family).map(
      ({ ports, endpoints }, index): EndpointSlice => ({
        name: `${service.key}#pods/${family}/${index}`,
        service: service.key,
        family,
        ports,
        endpoints,
      }),
    ),
  );
}

interface Run {
  readonly ports: readonly SlicePort[];
  readonly endpoints: SliceEndpoint[];
}

function runsOf(selection: Selection, pods: readonly Pod[], family: IpFamily): readonly Run[] {
  const runs: Run[] = [];
  let before = '';
  for (const pod of pods) {
    const endpoint = endpointOf(pod, selection, family);
    if (endpoint === undefined) continue;
    const ports = selection.ports.flatMap((port) => portOf(port, pod));
    const text = JSON.stringify(ports);
    const run = text === before ? runs.at(-1) : undefined;
    if (run !== undefined) run.endpoints.push(endpoint);
    else runs.push({ ports, endpoints: [endpoint] });
    before = text;
  }
  return runs;
}

/**
 * The first address of the family. A pod that terminates is not ready, whatever it says of itself, and goes on serving as
 * long as it says so; with `publishNotReadyAddresses` every pod is ready (`podToEndpoint` of k8s.io/endpointslice).
 */
function endpointOf(pod: Pod, { publishNotReady }: Selection, family: IpFamily): SliceEndpoint | undefined {
  const address = pod.addresses.find((each) => familyOf(each) === family);
  if (address === undefined) return undefined;
  const { ready: serving, terminating, nodeName } = pod;
  const ready = publishNotReady || (serving && !terminating);
  return { address, ready, serving, terminating, weight: 1, ...(nodeName !== undefined && { nodeName }) };
}

/** A name is looked up in each pod by itself; a pod without a port of that name does not serve this port. */
function portOf({ name, protocol, target }: SelectedPort, pod: Pod): readonly SlicePort[] {
  if (typeof target === 'number') return [{ name, protocol, port: target }];
  const found = pod.ports.find((port) => port.name === target && port.protocol === protocol);
  return found === undefined ? [] : [{ name, protocol, port: found.port }];
}

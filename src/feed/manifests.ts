import type { Fault } from '../config/issues.ts';
import { faultsOf } from '../config/issues.ts';
import type { Path } from '../config/path.ts';
import type { ServiceKey } from '../model/keys.ts';
import { serviceKey } from '../model/keys.ts';
import type { EndpointSlice, Service } from '../model/service.ts';
import { serviceNameLabel, sliceOf, slicesOfEndpoints } from './manifest-endpoints.ts';
import { type PodResult, podOf } from './manifest-pod.ts';
import { endpointsManifest, metadataSchema, podManifest, serviceManifest, sliceManifest } from './manifest-schema.ts';
import { type ServiceResult, serviceOf } from './manifest-service.ts';
import type { Pod, Selection } from './pod.ts';

/** What one Kubernetes object means to a proxy. `id` is `Kind namespace/name`; `path` is where it stands in its document. */
export type Manifest =
  | {
      readonly kind: 'service';
      readonly id: string;
      readonly path: Path;
      readonly service: Service;
      /** Which pods are behind it; absent: somebody writes its endpoints. */
      readonly selection?: Selection;
    }
  | { readonly kind: 'pod'; readonly id: string; readonly path: Path; readonly pod: Pod }
  | { readonly kind: 'slice'; readonly id: string; readonly path: Path; readonly slice: EndpointSlice }
  | {
      readonly kind: 'endpoints';
      readonly id: string;
      readonly path: Path;
      readonly service: ServiceKey;
      readonly slices: readonly EndpointSlice[];
    }
  /** Of a kind that we know, and right, but not for us: FQDN, another proxy's, a pod that ended. */
  | { readonly kind: 'not-proxied'; readonly id: string; readonly path: Path }
  /** The paths of the faults begin at the document. Without a name there is no `id`. */
  | {
      readonly kind: 'invalid';
      readonly id?: string;
      readonly path: Path;
      readonly faults: readonly [Fault, ...Fault[]];
    };

export interface ManifestOptions {
  /** Objects whose label `service.kubernetes.io/service-proxy-name` says this are ours, too. */
  readonly proxyName?: string;
}

type Reading =
  | ServiceResult
  | PodResult
  | { readonly kind: 'slice'; readonly slice: EndpointSlice }
  | { readonly kind: 'endpoints'; readonly service: ServiceKey; readonly slices: readonly EndpointSlice[] };

type Reader = (value: unknown) => Reading;

const readers: Readonly<Record<string, Reader>> = {
  'v1 Service': readService,
  'v1 Endpoints': readEndpoints,
  'v1 Pod': readPod,
  'discovery.k8s.io/v1 EndpointSlice': readSlice,
  'discovery.k8s.io/v1beta1 EndpointSlice': () =>
    fail([], 'discovery.k8s.io/v1beta1 is gone since Kubernetes 1.25; write discovery.k8s.io/v1'),
};

/** The kinds of lists, and the kind of items that do not say theirs. */
const lists: Readonly<Record<string, { apiVersion: string; kind: string } | undefined>> = {
  'v1 List': undefined,
  'v1 ServiceList': { apiVersion: 'v1', kind: 'Service' },
  'v1 PodList': { apiVersion: 'v1', kind: 'Pod' },
  'v1 EndpointsList': { apiVersion: 'v1', kind: 'Endpoints' },
  'discovery.k8s.io/v1 EndpointSliceList': { apiVersion: 'discovery.k8s.io/v1', kind: 'EndpointSlice' },
};

/** A Kubernetes object names its kind; nothing else that sluice reads does. */
export function isManifest(value: unknown): boolean {
  return isObject(value) && ('kind' in value || 'apiVersion' in value);
}

/**
 * Reads one Kubernetes object, or the items of a list. Kinds that a proxy has no use for (Deployment, ConfigMap, …) give
 * nothing. A wrong object is `invalid`, and spoils no other.
 */
export function readManifests(value: unknown, path: Path = [], options: ManifestOptions = {}): readonly Manifest[] {
  if (!isObject(value)) return [invalid(path, [fault([], 'expected a Kubernetes object, which is a map')])];
  const { apiVersion, kind } = value;
  if (typeof kind !== 'string' || typeof apiVersion !== 'string')
    return [invalid(path, [fault([], 'not a Kubernetes object: it needs apiVersion and kind')])];
  const type = `${apiVersion} ${kind}`;
  if (type in lists) return readItems(value, lists[type], path, options);
  const reader = readers[type];
  return reader === undefined ? [] : [readObject(value, kind, reader, path, options)];
}

function readItems(
  list: Record<string, unknown>,
  type: object | undefined,
  path: Path,
  options: ManifestOptions,
): readonly Manifest[] {
  if (path.length > 0) return [invalid(path, [fault([], 'a list inside a list')])];
  const items = list.items ?? [];
  if (!Array.isArray(items)) return [invalid(path, [fault(['items'], 'expected a list')])];
  return items.flatMap((item: unknown, index) =>
    readManifests(isObject(item) ? { ...type, ...item } : item, [...path, 'items', index], options),
  );
}

function readObject(value: object, kind: string, reader: Reader, path: Path, options: ManifestOptions): Manifest {
  const metadata = metadataSchema.safeParse(Reflect.get(value, 'metadata') ?? {});
  if (!metadata.success) {
    const faults = faultsOf(metadata.error.issues, Reflect.get(value, 'metadata'));
    return invalid(
      path,
      faults.map((one) => ({ ...one, path: ['metadata', ...one.path], message: `${kind}: ${one.message}` })),
    );
  }
  const { namespace, name, labels } = metadata.data;
  const id = `${kind} ${namespace}/${name}`;
  if (kind !== 'Pod' && isForeign(labels, options)) return { kind: 'not-proxied', id, path };
  const reading = reader(value);
  if (reading.kind !== 'invalid') return { id, path, ...reading };
  return invalid(
    path,
    reading.faults.map((one) => ({ ...one, message: `${id} is skipped: ${one.message}` })),
    id,
  );
}

/** Objects with these labels are another proxy's, or nobody's (Kubernetes KEP-2447). */
function isForeign(labels: Readonly<Record<string, string>>, { proxyName }: ManifestOptions): boolean {
  const owner = labels['service.kubernetes.io/service-proxy-name'];
  return 'service.kubernetes.io/headless' in labels || (owner !== undefined && owner !== proxyName);
}

function readService(value: unknown): Reading {
  const parsed = serviceManifest.safeParse(value);
  if (!parsed.success) return { kind: 'invalid', faults: faultsOf(parsed.error.issues, value) };
  return serviceOf(parsed.data);
}

function readSlice(value: unknown): Reading {
  const parsed = sliceManifest.safeParse(value);
  if (!parsed.success) return { kind: 'invalid', faults: faultsOf(parsed.error.issues, value) };
  if (parsed.data.addressType === 'FQDN') return { kind: 'not-proxied' };
  const service = parsed.data.metadata.labels[serviceNameLabel];
  if (!service)
    return fail(['metadata', 'labels'], `the label ${serviceNameLabel} is missing, so it belongs to no service`);
  const result = sliceOf(parsed.data, service);
  return 'slice' in result ? { kind: 'slice', slice: result.slice } : { kind: 'invalid', faults: result.faults };
}

function readEndpoints(value: unknown): Reading {
  const parsed = endpointsManifest.safeParse(value);
  if (!parsed.success) return { kind: 'invalid', faults: faultsOf(parsed.error.issues, value) };
  const { namespace, name } = parsed.data.metadata;
  return { kind: 'endpoints', service: serviceKey(namespace, name), slices: slicesOfEndpoints(parsed.data) };
}

function readPod(value: unknown): Reading {
  const parsed = podManifest.safeParse(value);
  if (!parsed.success) return { kind: 'invalid', faults: faultsOf(parsed.error.issues, value) };
  return podOf(parsed.data);
}

function fault(path: Path, message: string): Fault {
  return { code: 'MANIFEST_INVALID', path, message };
}

function fail(path: Path, message: string): Reading {
  return { kind: 'invalid', faults: [fault(path, message)] };
}

function invalid(path: Path, faults: readonly Fault[], id?: string): Manifest {
  const [first = fault([], 'it is wrong'), ...rest] = faults.map((one) => placed(one, path));
  return { kind: 'invalid', path, faults: [first, ...rest], ...(id !== undefined && { id }) };
}

function placed(one: Fault, path: Path): Fault {
  return { code: 'MANIFEST_INVALID', path: [...path, ...one.path], message: one.message };
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** As far as every Kubernetes object says which it is. */
export interface ApiObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ApiMeta;
  readonly [field: string]: unknown;
}

export interface ApiMeta {
  readonly name: string;
  readonly namespace?: string;
  readonly uid?: string;
  /** Opaque: equal ones are of the same version of the object, and nothing else can be told from them. */
  readonly resourceVersion?: string;
  readonly labels?: Readonly<Record<string, string>>;
}

/** A kind of objects, where they are in the API. */
export interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  /** `services` */
  readonly plural: string;
}

export const services: Resource = { apiVersion: 'v1', kind: 'Service', plural: 'services' };
export const endpointSlices: Resource = {
  apiVersion: 'discovery.k8s.io/v1',
  kind: 'EndpointSlice',
  plural: 'endpointslices',
};
/** The form of before Kubernetes 1.21. */
export const endpoints: Resource = { apiVersion: 'v1', kind: 'Endpoints', plural: 'endpoints' };
export const nodes: Resource = { apiVersion: 'v1', kind: 'Node', plural: 'nodes' };

/** Core v1 is under /api, every other group under /apis. */
export function pathOf({ apiVersion, plural }: Resource, namespace: string | undefined): string {
  const root = apiVersion.includes('/') ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
  return namespace === undefined
    ? `${root}/${plural}`
    : `${root}/namespaces/${encodeURIComponent(namespace)}/${plural}`;
}

/** Items of a list do not say their kind; `undefined` for what is of another kind, or no object of the API at all. */
export function objectOf(value: unknown, { apiVersion, kind }: Resource): ApiObject | undefined {
  if (typeof value !== 'object' || value === null) return undefined;
  if ((Reflect.get(value, 'kind') || kind) !== kind) return undefined;
  const metadata: unknown = Reflect.get(value, 'metadata');
  if (typeof metadata !== 'object' || metadata === null) return undefined;
  if (typeof Reflect.get(metadata, 'name') !== 'string') return undefined;
  return { ...value, apiVersion, kind, metadata: metadata as ApiMeta };
}

/** Where one kind of objects is kept. A list replaces all, when it has come to its end; then single changes come. */
export interface ObjectSink {
  begin(): void;
  add(item: ApiObject): void;
  end(): void;
  put(object: ApiObject): void;
  remove(object: ApiObject): void;
}

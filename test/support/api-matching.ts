/** A Kubernetes object as tests write it. */
export interface TestObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: {
    readonly name: string;
    readonly namespace?: string;
    readonly labels?: Readonly<Record<string, string>>;
    readonly [field: string]: unknown;
  };
  readonly [field: string]: unknown;
}

const paths: Readonly<Record<string, { kind: string; apiVersion: string }>> = {
  '/api/v1/services': { kind: 'Service', apiVersion: 'v1' },
  '/api/v1/endpoints': { kind: 'Endpoints', apiVersion: 'v1' },
  '/api/v1/nodes': { kind: 'Node', apiVersion: 'v1' },
  '/apis/discovery.k8s.io/v1/endpointslices': { kind: 'EndpointSlice', apiVersion: 'discovery.k8s.io/v1' },
};

/** The resource at a path, with a namespace or without. */
export function resourceOf(path: string) {
  return paths[path.replace(/\/namespaces\/[^/]+/, '')];
}

export function isInNamespace(path: string, { metadata }: TestObject): boolean {
  const [, namespace] = /\/namespaces\/([^/]+)/.exec(path) ?? [];
  return namespace === undefined || namespace === metadata.namespace;
}

/** Label selectors: `a`, `!a`, `a=b`, `a!=b`; the field selector `metadata.name=x`. */
export function matcher(url: URL, kind: string): (object: TestObject) => boolean {
  const labels = (url.searchParams.get('labelSelector') ?? '').split(',').filter(Boolean);
  const [, name] = /metadata\.name=(.+)/.exec(url.searchParams.get('fieldSelector') ?? '') ?? [];
  return (object) =>
    object.kind === kind &&
    isInNamespace(url.pathname, object) &&
    (name === undefined || object.metadata.name === name) &&
    labels.every((label) => hasLabel(object.metadata.labels ?? {}, label));
}

function hasLabel(labels: Readonly<Record<string, string>>, term: string): boolean {
  if (term.startsWith('!')) return !(term.slice(1) in labels);
  const [key = '', value] = term.split(/!?==?/);
  if (value === undefined) return key in labels;
  return term.includes('!=') ? labels[key] !== value : labels[key] === value;
}

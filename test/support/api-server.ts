import { once } from 'node:events';
import { createServer as createHttp, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttps, type ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';

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

export interface ApiServerInit {
  /** Certificates; absent: plain HTTP. `requestCert` and `rejectUnauthorized` demand a client certificate. */
  readonly tls?: ServerOptions;
  /** The only tokens that are let in; absent: everybody is. May be changed. */
  readonly tokens?: Set<string>;
  /** Kinds that the server has; by default `Service`, `EndpointSlice`, `Endpoints` and `Node`. */
  readonly kinds?: readonly string[];
  /** The items of a page at most, whatever is asked for. */
  readonly pageItems?: number;
  readonly address?: string;
}

interface Stored {
  readonly type: string;
  readonly object: TestObject & { readonly metadata: { readonly resourceVersion: string } };
}

interface Watcher {
  readonly path: string;
  readonly response: ServerResponse;
  readonly matches: (object: TestObject) => boolean;
  /** What it was told of, for the events of selectors: an object that no longer matches is deleted. */
  readonly known: Set<string>;
}

interface WatchLog {
  readonly version: number;
  readonly type: 'ADDED' | 'MODIFIED' | 'DELETED';
  readonly object: Stored['object'];
}

const paths: Readonly<Record<string, { kind: string; apiVersion: string }>> = {
  '/api/v1/services': { kind: 'Service', apiVersion: 'v1' },
  '/api/v1/endpoints': { kind: 'Endpoints', apiVersion: 'v1' },
  '/api/v1/nodes': { kind: 'Node', apiVersion: 'v1' },
  '/apis/discovery.k8s.io/v1/endpointslices': { kind: 'EndpointSlice', apiVersion: 'discovery.k8s.io/v1' },
};

/**
 * A double of kube-apiserver for its readers: list with pages, watch with bookmarks and selectors, on real sockets. It
 * has the faults of a real one on demand. Facts: "Efficient detection of changes", "Retrieving large results sets in
 * chunks" (Kubernetes API concepts).
 */
export class ApiServer {
  readonly #init: ApiServerInit;
  readonly #server: Server;
  readonly #objects = new Map<string, Stored>();
  readonly #watchers = new Set<Watcher>();
  readonly #sockets = new Set<Socket>();
  readonly #log: WatchLog[] = [];
  #version = 100;
  /** Versions before this one are forgotten: a watch from there is told 410. */
  #oldest = 0;
  #uid = 0;
  #port = 0;
  /** Every request: method, path and query. */
  readonly requests: URL[] = [];
  /** The bodies of created events. */
  readonly events: Record<string, unknown>[] = [];
  /** Answers instead of the server, by path without a query: a status, or `hang`. */
  readonly answers = new Map<string, number | 'hang'>();
  /** Lists are sent in this many pieces, with as many milliseconds between them. */
  slowPieces = 1;
  slowMs = 0;

  constructor(init: ApiServerInit = {}) {
    this.#init = init;
    const listener = (request: IncomingMessage, response: ServerResponse) => void this.#serve(request, response);
    this.#server = init.tls === undefined ? createHttp(listener) : (createHttps(init.tls, listener) as Server);
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket);
      socket.on('close', () => this.#sockets.delete(socket));
    });
  }

  async listen(): Promise<void> {
    this.#server.listen(this.#port, this.#init.address ?? '127.0.0.1');
    await once(this.#server, 'listening');
    this.#port = (this.#server.address() as AddressInfo).port;
  }

  /** Everybody is cut off; `listen` takes the same port again. */
  async close(): Promise<void> {
    if (!this.#server.listening) return;
    const closed = once(this.#server, 'close');
    this.#server.close();
    // Node's own `closeAllConnections` does not know those that still shake hands.
    for (const socket of this.#sockets) socket.destroy();
    this.#watchers.clear();
    await closed;
  }

  get url(): string {
    return `${this.#init.tls === undefined ? 'http' : 'https'}://${this.#init.address ?? '127.0.0.1'}:${this.#port}`;
  }

  get port(): number {
    return this.#port;
  }

  /** The tokens that are let in. */
  get tokens(): Set<string> | undefined {
    return this.#init.tokens;
  }

  get watches(): number {
    return this.#watchers.size;
  }

  /** How many requests had this in their path and query. */
  asked(...parts: readonly string[]): number {
    return this.requests.filter(({ href }) => parts.every((part) => decodeURIComponent(href).includes(part))).length;
  }

  set(...objects: readonly TestObject[]): void {
    for (const object of objects) {
      const key = keyOf(object);
      const before = this.#objects.get(key);
      this.#version += 1;
      const uid = before?.object.metadata.uid ?? `uid-${++this.#uid}`;
      const metadata = { namespace: 'default', ...object.metadata, uid, resourceVersion: `${this.#version}` };
      if (object.kind === 'Node') Reflect.deleteProperty(metadata, 'namespace');
      const stored = { type: object.kind, object: { ...object, metadata } };
      this.#objects.set(key, stored);
      this.#tell({ version: this.#version, type: before === undefined ? 'ADDED' : 'MODIFIED', object: stored.object });
    }
  }

  delete(...objects: readonly TestObject[]): void {
    for (const object of objects) {
      const stored = this.#objects.get(keyOf(object));
      if (stored === undefined) continue;
      this.#objects.delete(keyOf(object));
      this.#version += 1;
      const metadata = { ...stored.object.metadata, resourceVersion: `${this.#version}` };
      this.#tell({ version: this.#version, type: 'DELETED', object: { ...stored.object, metadata } });
    }
  }

  /** Tells every watch that there was nothing up to now. */
  bookmark(): void {
    for (const { response, path } of this.#watchers) {
      const { kind, apiVersion } = resourceOf(path) ?? { kind: '', apiVersion: '' };
      const object = { kind, apiVersion, metadata: { resourceVersion: `${this.#version}`, creationTimestamp: null } };
      response.write(line({ type: 'BOOKMARK', object }));
    }
  }

  /** Forgets how the present state came to be. */
  compact(): void {
    this.#oldest = this.#version;
    this.#log.length = 0;
  }

  /** The watches are told an ERROR event with 410, as if they were too slow. */
  expireWatches(): void {
    this.write(line({ type: 'ERROR', object: gone }));
    this.cutWatches('end');
  }

  /** Writes to every watch, whatever it is. */
  write(text: string | Buffer, path = ''): void {
    for (const watcher of this.#watchers) if (watcher.path.includes(path)) watcher.response.write(text);
  }

  /** Watches end without a last word, or in order. */
  cutWatches(how: 'reset' | 'end' = 'reset'): void {
    for (const { response } of this.#watchers) {
      if (how === 'end') response.end();
      else response.destroy();
    }
    this.#watchers.clear();
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', 'http://api');
    this.requests.push(url);
    const answer = this.answers.get(url.pathname);
    if (answer === 'hang') return;
    if (answer !== undefined) return status(response, answer, `the test says ${answer}`);
    const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
    if (this.#init.tokens !== undefined && !this.#init.tokens.has(token)) return status(response, 401, 'Unauthorized');
    if (request.method === 'POST') return this.#create(request, response);
    const resource = resourceOf(url.pathname);
    const kinds = this.#init.kinds ?? ['Service', 'EndpointSlice', 'Endpoints', 'Node'];
    if (resource === undefined || !kinds.includes(resource.kind))
      return status(response, 404, 'the server could not find the requested resource');
    const matches = matcher(url, resource.kind);
    if (url.searchParams.get('watch') === 'true') this.#watch(url, response, matches);
    else await this.#list(url, response, resource, matches);
  }

  async #create(request: IncomingMessage, response: ServerResponse): Promise<void> {
    let text = '';
    for await (const chunk of request.setEncoding('utf8')) text += chunk;
    const object = JSON.parse(text) as Record<string, unknown>;
    this.events.push(object);
    response.writeHead(201, { 'content-type': 'application/json' }).end(JSON.stringify(object));
  }

  async #list(
    url: URL,
    response: ServerResponse,
    { kind, apiVersion }: { kind: string; apiVersion: string },
    matches: (object: TestObject) => boolean,
  ): Promise<void> {
    const [version = `${this.#version}`, offset = '0'] = (url.searchParams.get('continue') ?? '')
      .split(':')
      .filter(Boolean);
    if (Number(version) < this.#oldest) return status(response, 410, gone.message, 'Expired');
    const all = [...this.#objects.values()].map(({ object }) => object).filter(matches);
    all.sort((one, other) => (keyOf(one) < keyOf(other) ? -1 : 1));
    const asked =
      url.searchParams.get('resourceVersion') === '0'
        ? Number.POSITIVE_INFINITY
        : Number(url.searchParams.get('limit'));
    const size = Math.min(asked || Number.POSITIVE_INFINITY, this.#init.pageItems ?? Number.POSITIVE_INFINITY);
    const end = Math.min(all.length, Number(offset) + size);
    // Items of a list do not say their kind.
    const items = all.slice(Number(offset), end).map(({ kind: _, apiVersion: __, ...rest }) => rest);
    const next = end < all.length ? { continue: `${version}:${end}` } : {};
    const text = JSON.stringify({
      kind: `${kind}List`,
      apiVersion,
      metadata: { resourceVersion: version, ...next },
      items,
    });
    response.writeHead(200, { 'content-type': 'application/json' });
    const piece = Math.ceil(text.length / this.slowPieces);
    for (let at = 0; at < text.length; at += piece) {
      response.write(text.slice(at, at + piece));
      if (this.slowMs > 0) await delay(this.slowMs, undefined, { ref: false });
    }
    response.end();
  }

  #watch(url: URL, response: ServerResponse, matches: (object: TestObject) => boolean): void {
    const from = Number(url.searchParams.get('resourceVersion') ?? 0);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    if (from < this.#oldest) {
      response.end(line({ type: 'ERROR', object: gone }));
      return;
    }
    const known = new Set(
      [...this.#objects.values()].filter(({ object }) => matches(object)).map(({ object }) => keyOf(object)),
    );
    const watcher = { path: url.pathname, response, matches, known };
    for (const { version, type, object } of this.#log)
      if (version > from && isAt(watcher, object)) response.write(line({ type, object }));
    this.#watchers.add(watcher);
    response.on('close', () => this.#watchers.delete(watcher));
  }

  #tell(entry: WatchLog): void {
    this.#log.push(entry);
    for (const watcher of this.#watchers) tellOne(watcher, entry);
  }
}

function tellOne({ path, response, matches, known }: Watcher, { type, object }: WatchLog): void {
  if (resourceOf(path)?.kind !== object.kind || !isInNamespace(path, object)) return;
  const key = keyOf(object);
  const isIn = type !== 'DELETED' && matches(object);
  if (isIn) response.write(line({ type: known.has(key) ? 'MODIFIED' : 'ADDED', object }));
  else if (known.has(key)) response.write(line({ type: 'DELETED', object }));
  if (isIn) known.add(key);
  else known.delete(key);
}

function isAt({ path, matches }: Watcher, object: TestObject): boolean {
  return resourceOf(path)?.kind === object.kind && isInNamespace(path, object) && matches(object);
}

function resourceOf(path: string) {
  return paths[path.replace(/\/namespaces\/[^/]+/, '')];
}

function isInNamespace(path: string, { metadata }: TestObject): boolean {
  const [, namespace] = /\/namespaces\/([^/]+)/.exec(path) ?? [];
  return namespace === undefined || namespace === metadata.namespace;
}

/** Label selectors: `a`, `!a`, `a=b`, `a!=b`; the field selector `metadata.name=x`. */
function matcher(url: URL, kind: string): (object: TestObject) => boolean {
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

const gone = {
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Failure',
  message: 'too old resource version',
  reason: 'Expired',
  code: 410,
};

function status(response: ServerResponse, code: number, message: string, reason = ''): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', message, reason, code }));
}

function line(event: object): string {
  return `${JSON.stringify(event)}\n`;
}

function keyOf({ kind, metadata }: TestObject): string {
  return `${kind} ${metadata.namespace ?? 'default'}/${metadata.name}`;
}

import { once } from 'node:events';
import { createServer as createHttp, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createHttps, type ServerOptions } from 'node:https';
import type { AddressInfo, Socket } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { formatAddressPort } from '../../src/model/address.ts';
import { pageText, sizeOf } from './api-list.ts';
import { matcher, resourceOf, type TestObject } from './api-matching.ts';
import { gone, isAt, keyOf, line, type Stored, tellOne, type Watcher, type WatchLog } from './api-watch.ts';

export type { TestObject } from './api-matching.ts';

export interface ApiServerInit {
  /** Certificates; absent: plain HTTP. `requestCert` and `rejectUnauthorized` demand a client certificate. */
  readonly tls?: ServerOptions;
  /** The only tokens that are let in; absent: everybody is. May be changed. */
  readonly tokens?: Set<string>;
  /** Kinds that the server has; by default `Service`, `EndpointSlice`, `Endpoints` and `Node`. May be changed. */
  readonly kinds?: Set<string>;
  /** The items of a page at most, where pages are asked for. */
  readonly pageItems?: number;
  /** No page but the first is there any more when it is asked for. */
  readonly pagesExpire?: boolean;
  readonly address?: string;
  /** Stands before each resourceVersion, which is no number then. */
  readonly versionPrefix?: string;
}

const allKinds: ReadonlySet<string> = new Set(['Service', 'EndpointSlice', 'Endpoints', 'Node']);

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
  /** Texts of status 200 instead of lists, by path without a query. */
  readonly texts = new Map<string, string>();
  /** Texts of status 200 instead of watches, by path without a query; they end at once. */
  readonly watchTexts = new Map<string, string>();
  /** `Retry-After` of all `answers`. */
  retryAfter: string | undefined;

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
    const place = formatAddressPort(this.#init.address ?? '127.0.0.1', this.#port);
    return `${this.#init.tls === undefined ? 'http' : 'https'}://${place}`;
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

  /** How many lists were asked for, of a path that has this in it. */
  lists(part = ''): number {
    const isList = ({ pathname, searchParams }: URL) => pathname.includes(part) && !searchParams.has('watch');
    return this.requests.filter((url) => isList(url) && !url.pathname.endsWith('/events')).length;
  }

  set(...objects: readonly TestObject[]): void {
    for (const object of objects) {
      const key = keyOf(object);
      const before = this.#objects.get(key);
      this.#version += 1;
      const uid = before?.object.metadata.uid ?? `uid-${++this.#uid}`;
      const metadata = { namespace: 'default', ...object.metadata, uid, resourceVersion: this.#text(this.#version) };
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
      const metadata = { ...stored.object.metadata, resourceVersion: this.#text(this.#version) };
      this.#tell({ version: this.#version, type: 'DELETED', object: { ...stored.object, metadata } });
    }
  }

  /** Tells every watch that there was nothing up to now. */
  bookmark(): void {
    for (const { response, path, from } of this.#watchers) {
      if (this.#version < from) continue;
      const { kind, apiVersion } = resourceOf(path) ?? { kind: '', apiVersion: '' };
      const object = {
        kind,
        apiVersion,
        metadata: { resourceVersion: this.#text(this.#version), creationTimestamp: null },
      };
      response.write(line({ type: 'BOOKMARK', object }));
    }
  }

  /** The watches of this path are told an ERROR event with such a `Status`, and end. */
  fail(code: number, path: string, details: object = {}): void {
    const object = { kind: 'Status', apiVersion: 'v1', status: 'Failure', message: 'the test fails it', code, details };
    for (const watcher of this.#watchers)
      if (watcher.path.includes(path)) watcher.response.end(line({ type: 'ERROR', object }));
  }

  /** Forgets how the present state came to be. */
  compact(): void {
    this.#oldest = this.#version;
    this.#log.length = 0;
  }

  /** As if etcd was restored from a backup that has another version, and not these objects. */
  setBack(version: number, ...lost: readonly TestObject[]): void {
    for (const object of lost) this.#objects.delete(keyOf(object));
    this.#version = version;
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
    if (answer !== undefined) {
      if (this.retryAfter !== undefined) response.setHeader('retry-after', this.retryAfter);
      return status(response, answer, `the test says ${answer}`);
    }
    const token = request.headers.authorization?.replace('Bearer ', '') ?? '';
    if (this.#init.tokens !== undefined && !this.#init.tokens.has(token)) return status(response, 401, 'Unauthorized');
    if (request.method === 'POST') return this.#create(request, response);
    const resource = resourceOf(url.pathname);
    const kinds = this.#init.kinds ?? allKinds;
    if (resource === undefined || !kinds.has(resource.kind))
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
    const whole = this.texts.get(url.pathname);
    if (whole !== undefined) return void response.end(whole);
    const token = url.searchParams.get('continue') ?? '';
    const [version = `${this.#version}`, offset = '0'] = token.split(':').filter(Boolean);
    if (Number(version) < this.#oldest || (token !== '' && this.#init.pagesExpire))
      return status(response, 410, gone.message, 'Expired');
    const wanted = this.#versionOf(url);
    if (wanted > this.#version) return status(response, 504, 'Too large resource version', 'Timeout');
    const text = pageText({
      kind,
      apiVersion,
      objects: [...this.#objects.values()].map(({ object }) => object).filter(matches),
      version,
      resourceVersion: this.#text(Number(version)),
      offset: Number(offset),
      size: sizeOf(url, this.#init.pageItems),
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
    const from = this.#versionOf(url);
    response.writeHead(200, { 'content-type': 'application/json' });
    response.flushHeaders();
    const text = this.watchTexts.get(url.pathname);
    if (text !== undefined) return void response.end(text);
    if (from < this.#oldest) {
      response.end(line({ type: 'ERROR', object: gone }));
      return;
    }
    const known = new Set(
      [...this.#objects.values()].filter(({ object }) => matches(object)).map(({ object }) => keyOf(object)),
    );
    const watcher = { path: url.pathname, from, response, matches, known };
    for (const { version, type, object } of this.#log)
      if (version > from && isAt(watcher, object)) response.write(line({ type, object }));
    this.#watchers.add(watcher);
    response.on('close', () => this.#watchers.delete(watcher));
  }

  /** The `resourceVersion` that is asked for; 0: any. */
  #versionOf({ searchParams }: URL): number {
    return Number(searchParams.get('resourceVersion')?.replace(this.#init.versionPrefix ?? '', '') ?? 0);
  }

  /** A resourceVersion, as clients see it. */
  #text(version: number): string {
    return `${this.#init.versionPrefix ?? ''}${version}`;
  }

  #tell(entry: WatchLog): void {
    this.#log.push(entry);
    for (const watcher of this.#watchers) tellOne(watcher, entry);
  }
}

function status(response: ServerResponse, code: number, message: string, reason = ''): void {
  response.writeHead(code, { 'content-type': 'application/json' });
  response.end(JSON.stringify({ kind: 'Status', apiVersion: 'v1', status: 'Failure', message, reason, code }));
}

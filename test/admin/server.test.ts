import assert from 'node:assert/strict';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import type { Route } from '../../src/admin/answer.ts';
import { createRoutes } from '../../src/admin/routes.ts';
import { type AdminLimits, AdminServer } from '../../src/admin/server.ts';
import { Metrics } from '../../src/metrics/metrics.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { FakeServicePort, FakeViews, servicePortNamed } from '../support/live-views.ts';
import { endpoint } from '../support/model.ts';
import { parsePrometheus } from '../support/prometheus-text.ts';

/** A running server over fakes, and what a test turns in them. */
async function start(t: TestContext, more: [string, Route][] = [], limits: Partial<AdminLimits> = {}) {
  const views = new FakeViews();
  views.servicePortViews = [new FakeServicePort(servicePortNamed('web', [endpoint('10.0.0.1')]))];
  const state = { waitingMs: 0, draining: false };
  const health = {
    updateWaitingMs: () => state.waitingMs,
    draining: () => state.draining,
    snapshotVersion: views.snapshotVersion,
    feeds: views.feeds,
    frontends: views.frontends,
    vips: views.vips,
  };
  const metrics = new Metrics({ views, clock: new FakeClock(), build: { version: '1', engine: 'net' } });
  const failures: unknown[] = [];
  const routes = new Map([...createRoutes({ metrics, health, snapshot: views }), ...more]);
  const server = new AdminServer({ routes, failed: (error) => failures.push(error), limits });
  const bound = await server.listen({ kind: 'tcp', address: '127.0.0.1', port: 0 });
  assert.ok(typeof bound === 'object');
  t.after(() => server.close());
  return { state, failures, server, port: bound.port, url: `http://127.0.0.1:${bound.port}` };
}

/** A raw connection, and all that it was sent once it has ended. */
function rawConnection(port: number): { socket: Socket; ended: Promise<string> } {
  const socket = connect(port, '127.0.0.1');
  const chunks: Buffer[] = [];
  socket.on('data', (chunk) => chunks.push(chunk));
  socket.on('error', () => {});
  const ended = new Promise<string>((resolve) => {
    socket.on('close', () => resolve(Buffer.concat(chunks).toString()));
  });
  return { socket, ended };
}

async function untilTrue(condition: () => boolean): Promise<void> {
  while (!condition()) await new Promise((resolve) => setTimeout(resolve, 5));
}

describe('what there is', () => {
  const rows: [path: string, type: RegExp][] = [
    ['/', /^text\/plain/],
    ['/metrics', /^text\/plain; version=0\.0\.4/],
    ['/healthz', /^application\/json/],
    ['/livez', /^application\/json/],
    ['/readyz', /^application\/json/],
    ['/services', /^application\/json/],
    ['/healthz?verbose', /^application\/json/],
  ];
  for (const [path, type] of rows) {
    test(`GET and HEAD ${path}`, async (t) => {
      const { url } = await start(t);
      const got = await fetch(url + path);
      assert.equal(got.status, 200);
      assert.match(got.headers.get('content-type') ?? '', type);
      assert.equal(got.headers.get('x-content-type-options'), 'nosniff');
      assert.ok((await got.text()).length > 0);
      const head = await fetch(url + path, { method: 'HEAD' });
      assert.deepEqual([head.status, await head.text()], [200, '']);
      assert.equal(head.headers.get('content-type'), got.headers.get('content-type'));
    });
  }

  test('the metrics are well-formed and the services are JSON', async (t) => {
    const { url } = await start(t);
    assert.ok(parsePrometheus(await (await fetch(`${url}/metrics`)).text()).has('sluice_flows_opened_total'));
    const services = (await (await fetch(`${url}/services`)).json()) as { servicePorts: unknown[] };
    assert.equal(services.servicePorts.length, 1);
  });

  test('health and readiness answer 503 with the reason', async (t) => {
    const { state, url } = await start(t);
    state.waitingMs = 31_000;
    state.draining = true;
    for (const path of ['/healthz', '/livez']) {
      const response = await fetch(url + path);
      const body = await response.json();
      assert.deepEqual([response.status, body], [503, { status: 'stuck', updateWaitingMs: 31_000 }]);
    }
    const ready = await fetch(`${url}/readyz`);
    const { reasons } = (await ready.json()) as { reasons: string[] };
    assert.deepEqual([ready.status, reasons], [503, ['draining']]);
  });
});

describe('what there is not', () => {
  test('an unknown path is 404 and is not repeated in the answer', async (t) => {
    const { url } = await start(t);
    for (const path of ['/nothing', '/<script>alert(1)</script>', '/metrics/', '/../etc/passwd']) {
      const response = await fetch(url + path);
      assert.deepEqual([response.status, await response.json()], [404, { error: 'not-found' }], path);
    }
  });

  for (const method of ['POST', 'PUT', 'DELETE', 'OPTIONS']) {
    test(`${method} is 405 and says what is allowed`, async (t) => {
      const { url } = await start(t);
      const response = await fetch(`${url}/metrics`, { method, ...(method === 'POST' && { body: 'x' }) });
      assert.deepEqual([response.status, response.headers.get('allow')], [405, 'GET, HEAD']);
      assert.deepEqual(await response.json(), { error: 'method-not-allowed' });
    });
  }

  test('a route that throws is 500, is reported, and tells the client nothing', async (t) => {
    const bug = new Error('secret');
    const thrower = () => {
      throw bug;
    };
    const { failures, url } = await start(t, [['/bug', thrower]]);
    const response = await fetch(`${url}/bug`);
    assert.deepEqual([response.status, await response.json()], [500, { error: 'internal' }]);
    assert.deepEqual(failures, [bug]);
  });

  test('a body that fails half-way is cut off, and reported', async (t) => {
    const bug = new Error('secret');
    async function* body() {
      yield 'half';
      throw bug;
    }
    const { failures, url } = await start(t, [
      ['/bug', () => ({ status: 200, contentType: 'text/plain', body: body() })],
    ]);
    await assert.rejects(async () => (await fetch(`${url}/bug`)).text());
    assert.deepEqual(failures, [bug]);
  });

  test('what is not HTTP is refused', async (t) => {
    const { port } = await start(t);
    const { socket, ended } = rawConnection(port);
    socket.write('<script>\r\n\r\n');
    const answer = await ended;
    assert.match(answer, /^HTTP\/1\.1 400 /);
    assert.ok(!answer.includes('script'));
  });
});

describe('clients that are no good', () => {
  test('a header that is too long is refused', async (t) => {
    const { port } = await start(t);
    const { socket, ended } = rawConnection(port);
    socket.write(`GET / HTTP/1.1\r\nhost: x\r\nx: ${'y'.repeat(9_000)}\r\n\r\n`);
    assert.match(await ended, /^HTTP\/1\.1 431 /);
  });

  test('a client that never ends its header is let go (slowloris)', async (t) => {
    const { port, url } = await start(t, [], { headersMs: 100, checkMs: 20 });
    const { socket, ended } = rawConnection(port);
    socket.write('GET / HTTP/1.1\r\nhost: x\r\n');
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
    assert.match(await ended, /^HTTP\/1\.1 408 /);
  });

  test('a client that does not read its answer is let go', async (t) => {
    const ended = { early: false };
    async function* endless() {
      try {
        for (;;) yield 'x'.repeat(65_536);
      } finally {
        ended.early = true;
      }
    }
    const route = () => ({ status: 200, contentType: 'text/plain', body: endless() });
    const { port, failures } = await start(t, [['/endless', route]], { idleMs: 100 });
    const socket = connect(port, '127.0.0.1', () => socket.write('GET /endless HTTP/1.1\r\nhost: x\r\n\r\n'));
    socket.on('error', () => {});
    socket.pause();
    await untilTrue(() => ended.early);
    assert.deepEqual(failures, []);
    socket.destroy();
  });

  test('more connections than there may be are closed at once; the others work on', async (t) => {
    const { port } = await start(t);
    const sockets = Array.from({ length: 64 }, () => rawConnection(port));
    await Promise.all(sockets.map(({ socket }) => once(socket, 'connect')));
    // All 64 are accepted once each has been answered.
    for (const { socket } of sockets) {
      socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n');
      await once(socket, 'data');
    }
    assert.equal(await rawConnection(port).ended, '');
    const [first] = sockets;
    assert.ok(first);
    first.socket.write('GET /healthz HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n');
    assert.equal((await first.ended).split('HTTP/1.1 200').length, 3);
  });

  test('a client that leaves in the middle of an answer is no failure', async (t) => {
    let left: (() => void) | undefined;
    const gone = new Promise<void>((resolve) => {
      left = resolve;
    });
    async function* endless() {
      try {
        for (;;) yield 'x'.repeat(65_536);
      } finally {
        left?.();
      }
    }
    const route = () => ({ status: 200, contentType: 'text/plain', body: endless() });
    const { failures, port, url } = await start(t, [['/endless', route]]);
    const { socket } = rawConnection(port);
    socket.write('GET /endless HTTP/1.1\r\nhost: x\r\n\r\n');
    await once(socket, 'data');
    socket.destroy();
    await gone;
    assert.equal((await fetch(`${url}/healthz`)).status, 200);
    assert.deepEqual(failures, []);
  });
});

describe('its life', () => {
  test('a port in use is an error with its code', async (t) => {
    const { port } = await start(t);
    const second = new AdminServer({ routes: new Map(), failed: () => {} });
    await assert.rejects(second.listen({ kind: 'tcp', address: '127.0.0.1', port }), { code: 'EADDRINUSE' });
    await second.close();
  });

  test('close ends idle and busy connections, and can be called again', { timeout: 3_000 }, async (t) => {
    let asked: (() => void) | undefined;
    const busyAsked = new Promise<void>((resolve) => {
      asked = resolve;
    });
    const never = () => {
      asked?.();
      return new Promise<never>(() => {});
    };
    const { port, server } = await start(t, [['/never', never]]);
    const idle = rawConnection(port);
    idle.socket.write('GET / HTTP/1.1\r\nhost: x\r\n\r\n');
    await once(idle.socket, 'data');
    const busy = rawConnection(port);
    busy.socket.write('GET /never HTTP/1.1\r\nhost: x\r\n\r\n');
    await busyAsked;
    await server.close();
    await Promise.all([idle.ended, busy.ended, server.close()]);
  });
});

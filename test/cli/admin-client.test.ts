import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { AdminClient, isAway } from '../../src/cli/admin-client.ts';

async function clientOf(t: TestContext, listener: RequestListener): Promise<AdminClient> {
  const server = createServer(listener);
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  return new AdminClient({ kind: 'tcp', host: '127.0.0.1', port });
}

const nothing = new URLSearchParams();

test('answers: a value, nothing of that name, a wrong question', async (t) => {
  const asked: unknown[] = [];
  const client = await clientOf(t, ({ url }, response) => {
    asked.push(url);
    const [status, body] = url?.startsWith('/ok')
      ? [200, { items: [] }]
      : url?.startsWith('/gone')
        ? [404, { error: 'not-found' }]
        : [400, { error: 'bad-request', message: 'write k=v' }];
    response.writeHead(status).end(JSON.stringify(body));
  });
  assert.deepEqual(await client.get('/ok', new URLSearchParams({ a: '1&2' })), { kind: 'ok', value: { items: [] } });
  assert.deepEqual(await client.get('/gone', nothing), { kind: 'not-found' });
  assert.deepEqual(await client.get('/bad', nothing), { kind: 'bad-request', message: 'write k=v' });
  assert.equal(asked[0], '/ok?a=1%262');
});

test('something else answers there', async (t) => {
  const strange = [
    [200, '<html>'],
    [200, '3'],
    [404, 'no'],
    [500, '{}'],
  ] as const;
  let next: readonly [number, string] = strange[0];
  const client = await clientOf(t, (_request, response) => response.writeHead(next[0]).end(next[1]));
  for (next of strange) {
    await assert.rejects(client.get('/', nothing), /127\.0\.0\.1:\d+ answers with status \d+.*\[ADMIN_STRANGE\]/);
  }
});

test('it has just begun', async (t) => {
  const client = await clientOf(t, (_request, response) => response.writeHead(503).end('{"error":"starting"}'));
  await assert.rejects(
    client.get('/', nothing),
    (error) => isAway(error) && /ask again \[ADMIN_STARTING\]/.test(error.message),
  );
});

test('nobody answers: where it asked, and what to do', async () => {
  const client = new AdminClient({ kind: 'unix', path: '/nowhere/admin.sock' });
  await assert.rejects(
    client.get('/', nothing),
    /unix:\/nowhere\/admin\.sock cannot be reached \(ENOENT\): is sluice running\?.*--admin.*\[ADMIN_UNREACHABLE\]/,
  );
});

test('it breaks off in the middle', async (t) => {
  const client = await clientOf(t, (request, response) => {
    response.writeHead(200, { 'content-length': 10 }).write('{');
    setImmediate(() => request.socket.destroy());
  });
  await assert.rejects(client.get('/', nothing), /cannot be reached \(ECONNRESET\)/);
});

test('whether it is ready is an answer, ready or not', async (t) => {
  const feeds = [{ name: 'file', synced: true, problems: [] }];
  const answers = [
    [200, JSON.stringify({ status: 'ready', feeds })],
    [503, JSON.stringify({ status: 'unready', feeds })],
    [404, '{"error":"not-found"}'],
    [200, '<html>'],
  ] as const;
  let next: readonly [number, string] = answers[0];
  const client = await clientOf(t, (_request, response) => response.writeHead(next[0]).end(next[1]));
  const seen = [];
  for (next of answers) seen.push((await client.readiness())?.feeds);
  assert.deepEqual(seen, [feeds, feeds, undefined, undefined]);
});

test('whether it is ready, nobody answers', async () => {
  const client = new AdminClient({ kind: 'unix', path: '/nowhere/admin.sock' });
  await assert.rejects(client.readiness(), /cannot be reached \(ENOENT\).*\[ADMIN_UNREACHABLE\]/);
});

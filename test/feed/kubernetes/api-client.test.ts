import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer, type RequestListener, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type TestContext, test } from 'node:test';
import { gzipSync } from 'node:zlib';
import { ApiClient } from '../../../src/feed/kubernetes/api-client.ts';
import { FakeClock } from '../../support/fake-clock.ts';
import { until } from '../../support/until.ts';

async function clientOf(t: TestContext, listener: RequestListener) {
  const server = createServer(listener);
  t.after(() => server.close());
  server.listen(0, '127.0.0.1');
  await once(server, 'listening');
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const clock = new FakeClock();
  const access = { connection: async () => ({ server: url, options: {} }), renew: () => {} };
  return { clock, client: new ApiClient({ access, clock }) };
}

/** Reads an answer that the test writes. */
async function reading(t: TestContext) {
  const answers: ServerResponse[] = [];
  const { clock, client } = await clientOf(t, (_, response) => answers.push(response));
  let text = '';
  const result = client.read({ path: '/', signal: new AbortController().signal }, (chunk) => {
    text += chunk;
  });
  await until(() => answers.length === 1, 'it asks');
  const [response] = answers;
  assert.ok(response);
  t.after(() => response.destroy());
  const write = async (piece: string) => {
    const wanted = text + piece;
    response.write(piece);
    await until(() => text === wanted, 'it has come');
  };
  return { clock, response, write, result };
}

test('an answer may take its time, as long as some of it comes within a minute', async (t) => {
  const { clock, response, write, result } = await reading(t);
  for (const piece of 'slow') {
    await write(piece);
    clock.advance(59_000);
  }
  response.end();
  assert.deepEqual(await result, { kind: 'ok' });
});

test('an answer of which nothing more comes for a minute is given up', async (t) => {
  const { clock, write, result } = await reading(t);
  await write('half');
  clock.advance(60_000);
  assert.deepEqual(await result, {
    kind: 'failed',
    failure: { code: 'TIMEOUT', message: 'nothing more came in 60 s' },
  });
});

test('what stands in a redirect is nobody’s concern, be it half a compressed page', async (t) => {
  const { client } = await clientOf(t, ({ url }, response) => {
    if (url === '/there') return void response.end('{}');
    response.writeHead(302, { location: '/there', 'content-encoding': 'gzip' });
    response.end(gzipSync('it is there').subarray(0, 12));
  });
  const { signal } = new AbortController();
  for (let round = 0; round < 5; round += 1)
    assert.deepEqual(await client.json({ path: '/', signal }), { kind: 'ok', value: {} });
});

import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtemp, rm } from 'node:fs/promises';
import { type AddressInfo, createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { json } from '../../src/admin/answer.ts';
import { OwnServer } from '../../src/app/own-server.ts';
import { recordingLogger } from '../support/log-lines.ts';
import { ip } from '../support/model.ts';

function ownServer(t: TestContext) {
  const { logger, lines } = recordingLogger();
  const routes = new Map([['/here', () => json(200, { here: true })]]);
  const server = new OwnServer({ name: 'admin', logger, routes });
  t.after(() => server.close());
  return { server, lines };
}

/** Somebody who has a port of this host. */
async function squatter(t: TestContext) {
  const server = createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  t.after(() => server.close());
  const { port } = server.address() as AddressInfo;
  const leave = () => {
    server.close();
    return once(server, 'close');
  };
  return { port, leave };
}

test('a port that is taken is told once, with who may have it, and listened on when it is free', async (t) => {
  const { port, leave } = await squatter(t);
  const { server, lines } = ownServer(t);
  await server.listen({ kind: 'tcp', address: ip('127.0.0.1'), port });
  await server.retry();
  assert.deepEqual(
    lines.map(({ level, code, msg }) => [level, code, msg]),
    [
      [
        'error',
        'EADDRINUSE',
        `the admin server cannot listen on 127.0.0.1:${port} (EADDRINUSE): another program, or another sluice, listens there; stop it, or set admin.listen; it is tried again`,
      ],
    ],
  );
  await leave();
  await server.retry();
  assert.equal(lines[1]?.msg, 'the admin server listens');
  assert.equal((await fetch(`http://127.0.0.1:${port}/here`)).status, 200);
  await server.retry();
  assert.equal(lines.length, 2);
});

test('another address is told anew; off is nothing to try', async (t) => {
  const { server, lines } = ownServer(t);
  const folder = await mkdtemp(join(tmpdir(), 'sluice-own-'));
  t.after(() => rm(folder, { recursive: true }));
  await server.listen({ kind: 'unix', path: join(folder, 'gone', 'admin.sock') });
  await server.listen({ kind: 'tcp', address: ip('192.0.2.1'), port: 9090 });
  await server.listen({ kind: 'off' });
  await server.retry();
  assert.equal(lines.length, 2);
  assert.match(String(lines[0]?.msg), /gone\/admin\.sock \((ENOENT|EACCES)\): .*folder/);
  assert.match(String(lines[1]?.msg), /192\.0\.2\.1:9090 \(EADDRNOTAVAIL\): this is no address of this host/);
  await server.listen({ kind: 'unix', path: join(folder, 'admin.sock') });
  assert.equal(lines[2]?.msg, 'the admin server listens');
});

test('closed, it listens no more, whatever was under way', async (t) => {
  const { port, leave } = await squatter(t);
  await leave();
  const { server } = ownServer(t);
  const listening = server.listen({ kind: 'tcp', address: ip('127.0.0.1'), port });
  await server.close();
  await listening;
  await server.retry();
  await assert.rejects(fetch(`http://127.0.0.1:${port}/here`));
});

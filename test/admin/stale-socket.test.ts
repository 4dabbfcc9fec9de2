import assert from 'node:assert/strict';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, type TestContext, test } from 'node:test';
import { AdminServer } from '../../src/admin/server.ts';

describe('a socket file', () => {
  function setUp(t: TestContext) {
    const folder = mkdtempSync(join(tmpdir(), 'sluice-admin-'));
    t.after(() => rmSync(folder, { recursive: true }));
    const route = () => ({ status: 200, contentType: 'text/plain', body: 'here' });
    const server = new AdminServer({ routes: new Map([['/', route]]), failed: () => {} });
    t.after(() => server.close());
    return { path: join(folder, 'admin.sock'), server };
  }

  async function get(socketPath: string): Promise<string> {
    const sent = request({ socketPath, path: '/' }).end();
    const [response] = await once(sent, 'response');
    let text = '';
    for await (const chunk of response) text += chunk;
    return text;
  }

  test('serves', async (t) => {
    const { path, server } = setUp(t);
    assert.equal(await server.listen({ kind: 'unix', path }), path);
    assert.equal(await get(path), 'here');
  });

  test('one that a dead program has left is replaced', async (t) => {
    const { path, server } = setUp(t);
    const dead = createServer().listen(path);
    await once(dead, 'listening');
    // A killed program leaves its file; one that ends in order removes what is at the name it bound.
    renameSync(path, `${path}.old`);
    dead.close();
    renameSync(`${path}.old`, path);
    await server.listen({ kind: 'unix', path });
    assert.equal(await get(path), 'here');
  });

  test('one that is in use, or a file of another kind, stays', async (t) => {
    const { path, server } = setUp(t);
    const living = createServer().listen(path);
    await once(living, 'listening');
    t.after(() => living.close());
    await assert.rejects(server.listen({ kind: 'unix', path }), { code: 'EADDRINUSE' });
    writeFileSync(`${path}.txt`, 'text');
    await assert.rejects(server.listen({ kind: 'unix', path: `${path}.txt` }), { code: 'EADDRINUSE' });
    assert.equal(readFileSync(`${path}.txt`, 'utf8'), 'text');
  });
});

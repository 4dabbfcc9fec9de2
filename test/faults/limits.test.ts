import assert from 'node:assert/strict';
import { once } from 'node:events';
import type { Socket } from 'node:net';
import { describe, type TestContext, test } from 'node:test';
import { assertNoErrors, endings, settled } from '../support/books.ts';
import { ask, type Place } from '../support/load.ts';
import { startProgram } from '../support/program.ts';
import { sumOfSamples } from '../support/prometheus-text.ts';
import { backend, client, echo } from '../support/sockets.ts';
import { until } from '../support/until.ts';
import { configOf, frontendAt, service } from './service.ts';

/** A client that has been answered, so that it counts. */
async function served(t: TestContext, { host, port }: Place): Promise<Socket> {
  const socket = await client(t, port, host);
  socket.write('x');
  await once(socket, 'data');
  return socket;
}

async function assertReset(place: Place): Promise<void> {
  const outcome = await ask(place);
  assert.equal(outcome.kind === 'failed' && outcome.code, 'ECONNRESET');
}

describe('limits refuse new connections, with their reason, and leave the others alone', () => {
  const rows = [
    // The name of the limit, its YAML for the process and for the service, and the frontends at which clients come:
    // the last one is too many. 0 and 1 are ports of the same service, 2 is another service.
    { reason: 'limit-frontend', process: 'limits: { flowsPerFrontend: 2 }', service: '', come: [0, 0, 1], full: 0 },
    { reason: 'limit-service', process: '', service: 'limits: { flowsPerService: 3 }', come: [0, 1, 0, 2], full: 1 },
    { reason: 'limit-process', process: 'limits: { flows: 3 }', service: '', come: [0, 1, 2], full: 2 },
  ];
  for (const row of rows) {
    test(row.reason, async (t) => {
      const { target } = await backend(t, echo);
      const places = await Promise.all(['127.60.5.1', '127.60.5.2', '127.60.5.3'].map(frontendAt));
      const [first, second, third] = places as [Place, Place, Place];
      const both = `vips: [${first.host}, ${second.host}]`;
      const port = first.port;
      const services = [
        `  - { name: web, ${both}, ports: [{ port: ${port} }], backends: ["${target.endpoint.key}"]${row.service && `, ${row.service}`} }`,
        service(third, [target], '', 'other'),
      ];
      const at = [first, { host: second.host, port }, third];
      const program = await startProgram(t, { config: configOf(services, row.process) });
      const sockets: Socket[] = [];
      for (const index of row.come) sockets.push(await served(t, at[index] as Place));
      const full = at[row.full] as Place;
      await assertReset(full);
      for (const socket of sockets) {
        socket.write('still there');
        await once(socket, 'data');
      }
      const leaver =
        sockets[row.come.findIndex((index) => (row.reason === 'limit-frontend' ? index === row.full : true))];
      leaver?.end();
      const left = row.come.length - 1;
      await until(async () => sumOfSamples(await program.metrics(), 'sluice_flows_active') === left, 'one has left');
      assert.equal((await ask(full)).kind, 'answered');
      for (const socket of sockets) socket.end();
      const families = await settled(program);
      assert.deepEqual(endings(families), { closed: row.come.length + 1, [row.reason]: 1 });
      assertNoErrors(program);
    });
  }

  test('limits.flows can be raised while it runs', async (t) => {
    const { target } = await backend(t, echo);
    const place = await frontendAt('127.60.5.4');
    const config = (flows: number) => configOf([service(place, [target])], `limits: { flows: ${flows} }`);
    const program = await startProgram(t, { config: config(1) });
    await served(t, place);
    await assertReset(place);
    await program.configure(config(2));
    await until(async () => sumOfSamples(await program.metrics(), 'sluice_flows_limit') === 2, 'the new limit holds');
    assert.equal((await ask(place)).kind, 'answered');
  });
});

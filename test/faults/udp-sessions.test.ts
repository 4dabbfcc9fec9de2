import assert from 'node:assert/strict';
import { createSocket, type Socket } from 'node:dgram';
import { once } from 'node:events';
import { type TestContext, test } from 'node:test';
import { setTimeout as delay } from 'node:timers/promises';
import { assertNoErrors, endings, settled } from '../support/books.ts';
import { address, podPort, udpPod, vipPort } from '../support/pods.ts';
import { startProgram } from '../support/program.ts';
import { sumOfSamples } from '../support/prometheus-text.ts';
import { until } from '../support/until.ts';
import { configOf } from './service.ts';

const count = 5_000;
const kib = 1024;

/** One client address:port. UDP may lose what it says or hears: it asks again, as a resolver does. */
class Client {
  readonly #socket: Socket;
  readonly #answers: string[] = [];

  static async at(t: TestContext, host: string, vip: string): Promise<Client> {
    const socket = createSocket('udp4');
    t.after(() => socket.close());
    socket.bind(0, host);
    await once(socket, 'listening');
    socket.connect(vipPort, vip);
    await once(socket, 'connect');
    return new Client(socket);
  }

  constructor(socket: Socket) {
    this.#socket = socket;
    socket.on('message', (message) => this.#answers.push(message.toString()));
    socket.on('error', () => {});
  }

  async ask(text: string, answer: string): Promise<void> {
    for (let attempt = 0; attempt < 50; attempt += 1) {
      this.#socket.send(text);
      for (let wait = 0; wait < 50; wait += 1) {
        await delay(4);
        if (this.#answers.length === 0) continue;
        // Whatever it hears is its own; one question that was asked twice may have two answers.
        assert.deepEqual(new Set(this.#answers.splice(0)), new Set([answer]));
        return;
      }
    }
    throw new Error(`nobody answered ${text}`);
  }
}

/** All ask, some at a time: what a socket holds for a reader is bounded. */
async function askAll(clients: readonly Client[], pod: string): Promise<void> {
  const atOnce = 250;
  for (let from = 0; from < clients.length; from += atOnce) {
    const some = clients.slice(from, from + atOnce);
    await Promise.all(some.map((client, index) => client.ask(`${from + index}`, `${pod}:${from + index}`)));
  }
}

test('5,000 UDP sessions at once: each gets its own replies; memory and descriptors are bounded, and come back', async (t) => {
  const [vip, pod] = [address(1), address(2)];
  await udpPod(t, pod);
  const config = (backends: string) =>
    configOf(
      [`  - { name: udp, vip: ${vip}, ports: [{ port: ${vipPort}, protocol: UDP }], backends: [${backends}] }`],
      `udp: { maxSessions: ${count}, maxSessionsPerClient: ${count / 2}, receiveBuffer: 64KiB, sendBuffer: 64KiB }`,
    );
  const program = await startProgram(t, { config: config(`"${pod}:${podPort}"`) });
  const clients = await Promise.all(
    Array.from({ length: count }, (_, index) => Client.at(t, address(100 + (index % 2)), vip)),
  );
  const before = { descriptors: program.descriptors(), rss: program.rssBytes() };
  await askAll(clients, pod);
  const families = await program.metrics();
  const open = program.descriptors() - before.descriptors;
  assert.equal(sumOfSamples(families, 'sluice_flows_active'), count);
  assert.ok(open <= count + 10, `${open} descriptors`);
  const each = (program.rssBytes() - before.rss) / count;
  assert.ok(each < 12 * kib, `${Math.round(each / kib)} KiB for a session`);
  await program.configure(config(''));
  assert.deepEqual(endings(await settled(program)), { 'endpoint-removed': count });
  // A relay thread may still be closing sockets of sessions that are counted as ended.
  await until(() => program.descriptors() <= before.descriptors + 10, 'the sockets are closed');
  assertNoErrors(program);
});

import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { connect } from 'node:net';
import { describe, test } from 'node:test';
import { Target } from '../../src/model/target.ts';
import { assertBalanced, assertNoErrors, settled } from '../support/books.ts';
import { Load } from '../support/load.ts';
import { startProgram } from '../support/program.ts';
import type { PrometheusFamily } from '../support/prometheus-text.ts';
import { sumOfSamples } from '../support/prometheus-text.ts';
import { backend, client, closedPort, digest, echo, endpointAt } from '../support/sockets.ts';
import { until } from '../support/until.ts';
import { configOf, frontendAt, service } from './service.ts';

const vip = '127.60.8.1';
/** Every label that there may be. The values of each are a closed set, or names that somebody has configured. */
const labels = new Set(
  'namespace service port protocol family by reason code le endpoint state vip feed result source version engine node'.split(
    ' ',
  ),
);

function labelsOf(families: Map<string, PrometheusFamily>): Map<string, Set<string>> {
  const values = new Map<string, Set<string>>();
  for (const { name, samples } of families.values()) {
    if (!name.startsWith('sluice_')) continue;
    for (const sample of samples) {
      for (const [label, value] of Object.entries(sample.labels)) {
        values.set(label, (values.get(label) ?? new Set()).add(value));
      }
    }
  }
  return values;
}

describe('counters', () => {
  test('a mixed load: opened = closed + active at all times, and every byte that was sent is counted once', async (t) => {
    const [one, two] = [await backend(t, echo), await backend(t, echo)];
    const dead = new Target(endpointAt('127.0.0.1', await closedPort()));
    const [place, other] = [await frontendAt(vip), await frontendAt(vip)];
    const services = [
      service(place, [one.target, dead]),
      service(other, [dead, two.target], 'policy: random', 'other'),
    ];
    const program = await startProgram(t, { config: configOf(services) });
    const question = 'q'.repeat(20_000);
    const loads = [new Load(place, 3, question), new Load(other, 3, question)];
    const sizes = [0, 1, 70_000, 3_000_000];
    const big = sizes.map(async (size) => {
      const socket = await client(t, place.port, vip);
      socket.end(randomBytes(size));
      return digest(socket);
    });
    for (let look = 0; look < 20; look += 1) assertBalanced(await program.metrics());
    await Promise.all(big);
    await until(() => loads.every(({ outcomes }) => outcomes.length > 50), 'there was a load');
    for (const load of loads) await load.stop();
    for (const load of loads) assert.deepEqual([...load.counts().keys()], [question]);

    const families = await settled(program);
    const requests = loads.reduce((sum, { outcomes }) => sum + outcomes.length, 0);
    const bytes = requests * question.length + sizes.reduce((sum, size) => sum + size, 0);
    assert.equal(sumOfSamples(families, 'sluice_flows_opened_total'), requests + sizes.length);
    for (const name of ['to_endpoints', 'from_endpoints', 'endpoint_received', 'endpoint_sent']) {
      assert.equal(sumOfSamples(families, `sluice_${name}_bytes_total`), bytes, name);
    }
    assertNoErrors(program);
  });

  test('no label holds a client, and a hundred clients make no more series than one', async (t) => {
    const { target } = await backend(t, echo, '127.60.8.2');
    const place = await frontendAt(vip);
    const config = configOf([service(place, [target], 'sessionAffinity: ClientIP')]);
    const program = await startProgram(t, { config });
    const visit = async (localAddress: string) => {
      const socket = connect({ ...place, localAddress, allowHalfOpen: true });
      t.after(() => socket.destroy());
      await once(socket, 'connect');
      const { localPort } = socket;
      socket.end('hello');
      await digest(socket);
      return `${localAddress}:${localPort}`;
    };
    await visit('127.60.8.9');
    await settled(program);
    const series = async () =>
      [...(await program.metrics()).values()].reduce((sum, { samples }) => sum + samples.length, 0);
    const before = await series();
    const addresses = Array.from({ length: 100 }, (_, index) => `127.60.9.${index + 1}`);
    const clients = await Promise.all(addresses.map(visit));
    const families = await settled(program);
    assert.equal(sumOfSamples(families, 'sluice_affinity_entries'), 101);
    assert.equal(await series(), before);
    for (const [label, values] of labelsOf(families)) {
      assert.ok(labels.has(label), `a new label, ${label}: are its values few?`);
      for (const value of values) {
        const leak = [...addresses, ...clients].find((text) => value.includes(text));
        assert.equal(leak, undefined, `${label}="${value}"`);
      }
    }
  });
});

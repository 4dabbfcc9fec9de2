import assert from 'node:assert/strict';
import { type TestContext, test } from 'node:test';
import { errorCode } from '../../src/base/errors.ts';
import { serviceObject, sliceObject } from '../support/api-objects.ts';
import { ApiServer } from '../support/api-server.ts';
import { kubeconfigOf } from '../support/kubeconfig.ts';
import { address, ask, askConstantly, httpPod, podPort, tally, vipPort } from '../support/pods.ts';
import { type Program, startProgram } from '../support/program.ts';
import { until } from '../support/until.ts';
import { untilPods } from './config.ts';

/* Scenarios of Kubernetes' conformance tests that are about the API server, over loopback addresses. */

const [vip, oldVip, newVip] = [address(1), address(2), address(3)];
const pods = [address(11), address(12), address(13)] as const;
const [a, b, c] = pods;
const serviceAt = (name: string, at: string) => serviceObject(name, at, { port: vipPort });
const slice = (name: string, ...of: string[]) => sliceObject(name, of, { port: podPort });

async function start(t: TestContext): Promise<{ server: ApiServer; program: Program }> {
  await Promise.all(pods.map((pod) => httpPod(t, pod)));
  const server = new ApiServer();
  await server.listen();
  t.after(() => server.close());
  server.set(serviceAt('web', vip), slice('web', a, b), serviceAt('old', oldVip), slice('old', c));
  const program = await startProgram(t, {
    config: 'feeds: [{ kubernetes: { kubeconfig: kubeconfig } }]',
    files: { kubeconfig: kubeconfigOf(server.url) },
  });
  await until(() => server.watches === 2, 'both kinds are watched');
  return { server, program };
}

const answers = (at: string) => ask(at).catch(errorCode);

for (const [name, forgets] of [
  ['with its history', false],
  ['its history forgotten (410)', true],
] as const)
  test(`the API server is stopped and started again, ${name}: what it has now is served, and no request fails`, async (t) => {
    const { server, program } = await start(t);
    const stop = askConstantly(t, vip);
    assert.equal(await answers(oldVip), c);
    const lists = server.lists('/services');
    await server.close();
    await until(async () => (await program.ready()).status === 'degraded', 'it is told');
    assert.equal(await answers(oldVip), c, 'the last state serves');

    server.set(slice('web', b, c), serviceAt('new', newVip), slice('new', a));
    server.delete(serviceAt('old', oldVip), slice('old'));
    if (forgets) server.compact();
    await server.listen();
    await untilPods(program, [b, c]);
    await until(async () => (await answers(newVip)) === a, 'the new service is there');
    await until(async () => (await answers(oldVip)) === 'ECONNREFUSED', 'the old one is gone');
    await until(async () => (await program.ready()).status === 'ready', 'all is well');
    assert.equal(server.lists('/services') > lists, forgets, 'it lists anew only if it must');
    server.set(slice('web', a));
    await untilPods(program, [a]);
    assert.equal(await ask(vip), a, 'and follows again');
    assert.deepEqual(Object.keys(tally(await stop())).sort(), pods, 'each request was answered');
  });

function percentile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}

test('200 services made, 15 at a time: each answers soon', async (t) => {
  const { server } = await start(t);
  const names = Array.from({ length: 200 }, (_, index) => `many-${index}`);
  const at = (name: string) => address(40 + Number(name.slice(5)));
  const make = async (name: string): Promise<number> => {
    const begun = performance.now();
    server.set(serviceAt(name, at(name)), slice(name, a));
    await until(async () => (await answers(at(name))) === a, `${name} answers`);
    return performance.now() - begun;
  };
  const times: number[] = [];
  for (let first = 0; first < names.length; first += 15)
    times.push(...(await Promise.all(names.slice(first, first + 15).map(make))));
  times.sort((one, other) => one - other);
  const [p50, p99] = [percentile(times, 0.5), percentile(times, 0.99)];
  t.diagnostic(`p50 ${p50.toFixed(0)} ms, p99 ${p99.toFixed(0)} ms`);
  // Kubernetes asks for 20 s and 50 s. Our own bound, 100 ms, is measured in the bench, on a machine with nothing else to do.
  assert.equal(times.length, 200);
  assert.ok(p50 < 2_000, `p50 ${p50} ms`);
  assert.ok(p99 < 5_000, `p99 ${p99} ms`);
});

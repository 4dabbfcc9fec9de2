import assert from 'node:assert/strict';
import { readdirSync } from 'node:fs';
import { test } from 'node:test';
import { address, ask, askConstantly, httpPod, podPort, vipPort } from '../support/pods.ts';
import { type Program, type ProgramInit, startProgram } from '../support/program.ts';
import { until } from '../support/until.ts';
import { a, b, c, configOf, vip } from './config.ts';

/** A service `web`, and beside it so many that stand for the rest of a large configuration. */
function largeConfig(backend: string, services: number): string {
  const rest = Array.from({ length: services }, (_, index) => ({
    name: `s${index}`,
    vip: address(2),
    ports: [{ name: 'http', port: 10_000 + index, protocol: 'TCP', targetPort: 8080 }],
    backends: Array.from({ length: 40 }, (_, host) => `${address(1 + host)}:${9_000 + index}`),
  }));
  return configOf([{ backends: [backend] }, ...rest]);
}

/** The same as one document: a `List`, as kubectl writes it. */
function largeList(backend: string, services: number): string {
  const items = Array.from({ length: services }, (_, index) => {
    const name = index === 0 ? 'web' : `s${index}`;
    const [clusterIP, port] = index === 0 ? [vip, vipPort] : [address(2), 10_000 + index];
    const backends = index === 0 ? [backend] : Array.from({ length: 40 }, (_, host) => address(1 + host));
    const labels = { 'kubernetes.io/service-name': name };
    const spec = { clusterIP, ports: [{ port, protocol: 'TCP' }] };
    return [
      { apiVersion: 'v1', kind: 'Service', metadata: { name }, spec },
      {
        apiVersion: 'discovery.k8s.io/v1',
        kind: 'EndpointSlice',
        metadata: { name: `${name}-x`, labels },
        addressType: 'IPv4',
        ports: [{ name: '', port: podPort, protocol: 'TCP' }],
        endpoints: backends.map((each) => ({ addresses: [each] })),
      },
    ];
  });
  return `apiVersion: v1\nkind: List\nitems: ${JSON.stringify(items.flat())}\n`;
}

const threads = (program: Program) => readdirSync(`/proc/${program.pid}/task`).length;

interface Form {
  readonly init: ProgramInit;
  readonly change: (program: Program) => Promise<void>;
}

const forms: Readonly<Record<string, Form>> = {
  'large configuration': {
    init: { config: largeConfig(a, 500) },
    change: (program) => program.configure(largeConfig(b, 500)),
  },
  'large list of manifests': {
    init: {
      config: configOf([], { feeds: [{ file: { path: './list.yaml' } }] }),
      files: { 'list.yaml': largeList(a, 250) },
    },
    change: (program) => program.write('list.yaml', largeList(b, 250)),
  },
};

for (const [name, { init, change }] of Object.entries(forms)) {
  test(`while a ${name} is read, new connections do not wait for it`, async (t) => {
    await Promise.all([a, b].map((pod) => httpPod(t, pod)));
    const program = await startProgram(t, init);
    const threadsBefore = threads(program);
    const waits: number[] = [];
    const timedAsk = async () => {
      const askedAt = performance.now();
      const pod = await ask(vip);
      waits.push(performance.now() - askedAt);
      return pod;
    };
    const changedAt = performance.now();
    await change(program);
    await until(async () => (await timedAsk()) === b, 'the change is applied');
    const wholeMs = performance.now() - changedAt;
    const longestMs = Math.max(...waits);
    t.diagnostic(`${waits.length} connections in ${Math.round(wholeMs)} ms, the longest ${Math.round(longestMs)} ms`);
    // In a thread of its own it is some twentieth, on the event loop nearly all of it: both grow with what else runs here.
    assert.ok(longestMs < wholeMs / 2, `a connection took ${longestMs} ms of ${wholeMs}`);
    await until(() => threads(program) <= threadsBefore, 'the thread has ended');
  });
}

test('of large configurations that come fast, the last one holds, and no client is refused', async (t) => {
  await Promise.all([a, b, c].map((pod) => httpPod(t, pod)));
  const program = await startProgram(t, { config: largeConfig(a, 100) });
  const stop = askConstantly(t, vip);
  for (const pod of [b, a, b, c]) {
    await program.configure(largeConfig(pod, 100));
    program.signal('SIGHUP');
  }
  await until(async () => (await ask(vip)) === c, 'the last one is applied');
  const said = [...(await stop()), c];
  assert.deepEqual(
    said.filter((word) => ![a, b, c].includes(word)),
    [],
  );
  assert.ok(
    said.slice(said.indexOf(c)).every((word) => word === c),
    'nothing older comes after it',
  );
});

test('a large configuration that is wrong changes nothing, and is named with its place', async (t) => {
  await Promise.all([a, b].map((pod) => httpPod(t, pod)));
  const program = await startProgram(t, { config: largeConfig(a, 100) });
  await program.configure(`${largeConfig(b, 100)}\ndrain: 5s`);
  await until(async () => (await program.ready()).status === 'degraded', 'it is told');
  const { feeds } = await program.ready();
  const [problem] = feeds.flatMap(({ problems }) => problems);
  assert.deepEqual([problem?.code, problem?.position?.line, problem?.position?.column], ['CONFIG_UNKNOWN_KEY', 3, 1]);
  assert.equal(await ask(vip), a);
  await program.configure(largeConfig(b, 100));
  await until(async () => (await program.ready()).status === 'ready', 'all is well again');
  await until(async () => (await ask(vip)) === b, 'what is right is applied');
});

test('a configuration that there is no memory to read is told, and relaying goes on', async (t) => {
  await httpPod(t, a);
  const nodeOptions = ['--max-old-space-size=64'];
  const program = await startProgram(t, { config: configOf([{ backends: [a] }]), nodeOptions });
  await program.configure(largeConfig(a, 4_000));
  await until(async () => (await program.ready()).status === 'degraded', 'it is told');
  const { feeds } = await program.ready();
  assert.deepEqual(
    feeds.flatMap(({ problems }) => problems.map(({ code }) => code)),
    ['FILE_TOO_LARGE'],
  );
  assert.equal(await ask(vip), a);
});

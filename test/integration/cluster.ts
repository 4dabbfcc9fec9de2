import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { ask, podPort, vipPort } from '../support/pods.ts';
import { type Program, startProgram } from '../support/program.ts';
import { until } from '../support/until.ts';

/** Kubernetes objects as a test writes them. */

type Part = Readonly<Record<string, unknown>>;

/** A Service with a selector `run: NAME`. */
export function serviceObject(
  vip: string,
  spec: Part = {},
  over: { name?: string; labels?: Part; status?: Part } = {},
) {
  const { name = 'web', labels = {}, status } = over;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, labels },
    spec: {
      clusterIP: vip,
      selector: { run: name },
      ports: [{ port: vipPort, targetPort: podPort }],
      ...spec,
    },
    ...(status !== undefined && { status }),
  };
}

export interface PodText {
  readonly run?: string;
  readonly ready?: boolean;
  readonly terminating?: boolean;
  readonly node?: string;
  readonly labels?: Part;
  /** Named container ports. */
  readonly ports?: readonly Part[];
}

export function podObject(
  ip: string,
  { run = 'web', ready = true, terminating, node, labels, ports = [] }: PodText = {},
) {
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      name: `pod-${ip.replaceAll('.', '-')}`,
      labels: { run, ...labels },
      ...(terminating && { deletionTimestamp: '2026-01-01T00:00:00Z' }),
    },
    spec: { ...(node !== undefined && { nodeName: node }), containers: [{ name: 'web', ports }] },
    status: {
      phase: 'Running',
      podIP: ip,
      podIPs: [{ ip }],
      conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }],
    },
  };
}

export function sliceObject(
  endpoints: readonly Part[],
  over: { name?: string; service?: string; ports?: Part[] } = {},
) {
  const { name = 'web-1', service = 'web', ports = [{ name: '', port: podPort }] } = over;
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, labels: { 'kubernetes.io/service-name': service } },
    addressType: 'IPv4',
    ports,
    endpoints,
  };
}

/** JSON is YAML. */
export function manifests(objects: readonly object[]): string {
  return objects.map((object) => `---\n${JSON.stringify(object)}\n`).join('');
}

/** sluice, with the objects of one manifest file. */
export class Cluster {
  readonly program: Program;

  constructor(program: Program) {
    this.program = program;
  }

  /** Replaces all objects, and waits until that is in effect. */
  async apply(...objects: readonly object[]): Promise<void> {
    const before = (await this.program.services()).version;
    await this.program.write('cluster.yaml', manifests(objects));
    await until(async () => (await this.program.services()).version > before, 'the new objects are in effect');
  }

  /** `host:port` and state of each frontend, sorted. */
  async frontends(): Promise<string[]> {
    const { servicePorts } = await this.program.services();
    return servicePorts
      .flatMap(({ frontends, protocol }) => frontends.map(({ vip, state }) => `${protocol} ${vip} ${state}`))
      .sort();
  }
}

export async function startCluster(t: TestContext, config: Part, ...objects: readonly object[]): Promise<Cluster> {
  const whole = { node: { name: 'node-a', zone: 'zone-1' }, feeds: [{ file: { path: './cluster.yaml' } }], ...config };
  const text = Object.entries(whole).map(([key, value]) => `${key}: ${JSON.stringify(value)}`);
  const files = { 'cluster.yaml': manifests(objects) };
  return new Cluster(await startProgram(t, { config: text.join('\n'), files }));
}

/** Asks `count` times; who has answered, sorted, each once. */
export async function whoAnswers(vip: string, count: number, options?: Parameters<typeof ask>[1]): Promise<string[]> {
  const seen = new Set<string>();
  for (let done = 0; done < count; done += 1) seen.add(await ask(vip, options));
  return [...seen].sort();
}

/** Refused, or reset at once: never an answer, never a wait. */
export async function assertRefused(host: string, options?: Parameters<typeof ask>[1]): Promise<void> {
  const start = performance.now();
  // `socket hang up` has the code ECONNRESET too: an end without an answer, which would look like success.
  await assert.rejects(ask(host, options), /^Error: (connect ECONNREFUSED|(connect|read|write) (ECONNRESET|EPIPE))/);
  assert.ok(performance.now() - start < 2_000);
}

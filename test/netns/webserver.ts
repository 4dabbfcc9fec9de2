import { readFileSync } from 'node:fs';
import type { TestContext } from 'node:test';
import { parseAllDocuments } from 'yaml';
import { manifests } from '../integration/cluster.ts';
import type { TestObject } from '../support/api-server.ts';
import { kubeconfigOf } from '../support/kubeconfig.ts';
import { type Program, startProgram } from '../support/program.ts';
import { until } from '../support/until.ts';
import { Child } from './child.ts';
import { Network } from './network.ts';
import { outputIn } from './vip-traffic.ts';

/* The scenario with its real addresses: a node, three places for pods, a client among the pods and one outside. */

export const vip = '10.104.58.143';
export const pods = ['172.17.0.3', '172.17.0.4', '172.17.0.5'] as const;
export const nodeIp = '172.17.0.1';
const [insideIp, outsideIp] = ['172.17.0.9', '172.17.0.100'];

/** Where the scenario is written: pods that the service selects or slices, in a file; slices on an API server. */
export type Form = 'pods' | 'slices' | 'api-server';
/** `listen`: the test has given the VIP to the node. */
export type VipMode = 'listen' | 'assign' | 'redirect';

const vipConfig: Readonly<Record<VipMode, string>> = {
  listen: 'vip: { mode: listen }',
  assign: 'vip: { mode: assign }',
  redirect: 'vip: { mode: redirect, redirect: { from: [172.17.0.0/28] } }',
};

interface Spaces {
  readonly node: string;
  /** In the network of the pods. */
  readonly inside: string;
  readonly outside: string;
  /** Of a pod's address. */
  readonly of: (pod: string) => string;
}

export interface Webserver {
  readonly spaces: Spaces;
  readonly sluice: Program;
  /** Replaces the pods, those that terminate beside those that are ready. Resolves when that is in effect. */
  readonly show: (ready: readonly string[], ending?: readonly string[]) => Promise<void>;
}

export async function startWebserver(t: TestContext, form: Form, mode: VipMode): Promise<Webserver> {
  const spaces = makeSpaces(t, `${form}-${mode}`);
  if (mode === 'listen') outputIn(spaces.node, 'ip', 'address', 'add', `${vip}/32`, 'dev', 'lo');
  const { sluice, write } = await (form === 'api-server' ? fromApiServer : fromFile(form))(t, spaces.node, mode);
  const show = async (ready: readonly string[], ending: readonly string[] = []) => {
    await write(ready, ending);
    await until(async () => (await shown(sluice)) === wordsOf(ready, ending), `the pods are ${ready}, ${ending} end`);
  };
  return { spaces, sluice, show };
}

function makeSpaces(t: TestContext, word: string): Spaces {
  const network = new Network(t, word);
  const [node, inside, outside] = [network.add('node'), network.add('inside'), network.add('outside')];
  const places = new Map(pods.map((pod, index) => [pod as string, network.add(`pod-${index + 1}`)]));
  const addresses = [
    [node, nodeIp],
    [inside, insideIp],
    [outside, outsideIp],
  ] as const;
  const ofPods = [...places].map(([pod, space]) => [space, pod] as const);
  network.bridge(new Map([...addresses, ...ofPods].map(([space, address]) => [space, `${address}/16`])));
  // As hosts with a default route the node has a way to every VIP; the clients' way to it is the node.
  network.run(node, 'route', 'add', 'default', 'via', '172.17.0.200');
  outputIn(node, 'sysctl', '-w', 'net.ipv4.ip_forward=1');
  for (const client of [inside, outside]) network.run(client, 'route', 'add', `${vip}/32`, 'via', nodeIp);
  return { node, inside, outside, of: (pod) => places.get(pod) ?? '' };
}

interface Source {
  readonly sluice: Program;
  /** Does not wait until it is in effect. */
  readonly write: (ready: readonly string[], ending: readonly string[]) => Promise<unknown>;
}

/** At first the file is the fixture as it is. */
function fromFile(form: 'pods' | 'slices') {
  return async (t: TestContext, node: string, mode: VipMode): Promise<Source> => {
    const sluice = await startProgram(t, {
      config: `${vipConfig[mode]}\nfeeds: [{ file: { path: ./webserver.yaml } }]`,
      files: { 'webserver.yaml': fixture[form] },
      prefix: ['ip', 'netns', 'exec', node],
    });
    return { sluice, write: (...pods) => sluice.write('webserver.yaml', manifests(objectsOf[form](...pods))) };
  };
}

/** An API server on the node's loopback; at first it has the objects of the fixture. */
async function fromApiServer(t: TestContext, node: string, mode: VipMode): Promise<Source> {
  const server = await Child.start(t, node, 'api-server-program.ts');
  const set = (objects: readonly TestObject[]) => server.ask(objects);
  await set(objectsIn('slices'));
  const sluice = await startProgram(t, {
    config: `${vipConfig[mode]}\nfeeds: [{ kubernetes: { kubeconfig: kubeconfig } }]`,
    files: { kubeconfig: kubeconfigOf(server.first as string) },
    prefix: ['ip', 'netns', 'exec', node],
  });
  return { sluice, write: (...pods) => set(objectsOf.slices(...pods).slice(1)) };
}

const fixture = {
  pods: readFileSync(new URL('../fixtures/webserver.yaml', import.meta.url), 'utf8'),
  slices: readFileSync(new URL('../fixtures/webserver-slices.yaml', import.meta.url), 'utf8'),
};

function objectsIn(form: 'pods' | 'slices'): TestObject[] {
  return parseAllDocuments(fixture[form]).map((document) => document.toJS() as TestObject);
}

/** The objects of the fixtures, with these pods. */
const objectsOf = {
  pods: (ready: readonly string[], ending: readonly string[]) => {
    const [service, pod] = objectsIn('pods') as [TestObject, TestObject];
    return [service, ...[...ready, ...ending].map((ip) => podAt(pod, ip, ending.includes(ip)))];
  },
  slices: (ready: readonly string[], ending: readonly string[]) => {
    const [service, slice] = objectsIn('slices') as [TestObject, TestObject];
    const endpoints = [...ready, ...ending].map((ip) => endpointAt(ip, ending.includes(ip)));
    return [service, { ...slice, endpoints }];
  },
};

function podAt(pod: TestObject, ip: string, ending: boolean): TestObject {
  const deletion = ending ? { deletionTimestamp: '2026-01-01T00:00:00Z' } : {};
  const metadata = { ...pod.metadata, name: `webserver-${ip.replaceAll('.', '-')}`, ...deletion };
  return { ...pod, metadata, status: { ...(pod.status as object), podIP: ip, podIPs: [{ ip }] } };
}

function endpointAt(ip: string, terminating: boolean): object {
  return { addresses: [ip], conditions: { ready: !terminating, serving: true, terminating } };
}

function wordsOf(ready: readonly string[], ending: readonly string[]): string {
  return [...ready, ...ending.map((pod) => `${pod} ends`)].sort().join();
}

async function shown(sluice: Program): Promise<string> {
  const endpoints = (await sluice.services()).servicePorts.flatMap((port) => port.endpoints);
  const present = endpoints.filter((each) => each.present);
  return present
    .map(({ endpoint, terminating }) => `${endpoint.replace(':8080', '')}${terminating ? ' ends' : ''}`)
    .sort()
    .join();
}

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { EndpointEntry } from '../../src/admin/shapes.ts';
import { address, httpPod, podPort, vipPort } from '../support/pods.ts';
import { type Program, startProgram } from '../support/program.ts';
import { samplesOf, sumOfSamples } from '../support/prometheus-text.ts';
import { until } from '../support/until.ts';

export interface ServiceText {
  readonly name?: string;
  readonly vip?: string;
  readonly protocol?: 'TCP' | 'UDP';
  readonly backends: readonly (string | object)[];
  /** Further keys of the service. */
  readonly [key: string]: unknown;
}

export const vip = address(1);
/** The pods' addresses. */
export const [a, b, c] = [address(11), address(12), address(13)];

/** A configuration of these services, by default at `vip`. JSON is YAML. */
export function configOf(services: readonly ServiceText[], extra: Readonly<Record<string, unknown>> = {}): string {
  const list = services.map(({ name = 'web', vip: at = vip, protocol = 'TCP', ...rest }) => {
    return { name, vip: at, ports: [{ port: vipPort, targetPort: podPort, protocol }], ...rest };
  });
  return Object.entries({ ...extra, services: list })
    .map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
    .join('\n');
}

/** A service `web` at `vip`, as manifests. */
export function manifestsOf(endpoints: readonly string[], { name = 'web', at = vip } = {}): string {
  return `apiVersion: v1
kind: Service
metadata: { name: ${name} }
spec: { clusterIP: ${at}, ports: [{ port: ${vipPort}, protocol: TCP }] }
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}-x, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
ports: [{ name: "", port: ${podPort}, protocol: TCP }]
endpoints: ${JSON.stringify(endpoints.map((each) => ({ addresses: [each] })))}
`;
}

/** What stands in the program's file: what it is given, after where its admin server listens. */
export function wholeText(program: Program, config: string): string {
  return `admin: { listen: "unix:${join(program.folder, 'admin.sock')}" }\n${config}\n`;
}

/** Writes into the configuration file as it is, without a rename. */
export function writeInPlace(program: Program, config: string): Promise<void> {
  return writeFile(join(program.folder, 'sluice.yaml'), wholeText(program, config));
}

/** Starts the program on TCP services, with HTTP pods a, b and c. */
export async function startWithPods(
  t: TestContext,
  services: readonly ServiceText[],
  extra?: Readonly<Record<string, unknown>>,
): Promise<Program> {
  await Promise.all([a, b, c].map((pod) => httpPod(t, pod)));
  return startProgram(t, { config: configOf(services, extra) });
}

/** The endpoints of the services of that name, those that have left and still carry flows included. */
export async function endpointsOf(program: Program, name = 'web'): Promise<EndpointEntry[]> {
  const { servicePorts } = await program.services();
  return servicePorts.filter(({ service }) => service === name).flatMap(({ endpoints }) => endpoints);
}

/** Waits until the service has exactly these pods. */
export async function untilPods(program: Program, pods: readonly string[], name = 'web'): Promise<void> {
  const wanted = pods.map((pod) => `${pod}:${podPort}`).join();
  await until(async () => {
    const endpoints = await endpointsOf(program, name);
    const present = endpoints.filter((each) => each.present).map(({ endpoint }) => endpoint);
    return present.join() === wanted;
  }, `the endpoints of ${name} are ${wanted}`);
}

/** How often a source was read again with this result. */
export async function reloads(program: Program, source: string, result: 'ok' | 'failed'): Promise<number> {
  return sumOfSamples(await program.metrics(), 'sluice_reloads_total', { source, result });
}

export async function total(
  program: Program,
  name: string,
  labels?: Readonly<Record<string, string>>,
): Promise<number> {
  const families = await program.metrics();
  return samplesOf(families, name, labels).reduce((sum, { value }) => sum + value, 0);
}

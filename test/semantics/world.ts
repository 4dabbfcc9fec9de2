import assert from 'node:assert/strict';
import { parseDocument } from '../../src/config/document.ts';
import { splitDocuments } from '../../src/config/split.ts';
import { EndpointsController } from '../../src/feed/endpoints-controller.ts';
import { assemble, emptyAssembly } from '../../src/feed/file/assemble.ts';
import { type Manifest, type ManifestOptions, readManifests } from '../../src/feed/manifests.ts';
import type { NodeView } from '../../src/model/node.ts';
import { defaultSettings } from '../../src/model/settings.ts';
import { emptySnapshot, type Frontend, type ServicePort, type Snapshot } from '../../src/model/snapshot.ts';
import { type BuildResult, buildSnapshot } from '../../src/table/build.ts';
import { ip } from '../support/model.ts';

/** The node of these tests: `node-a` in `zone-1`. */
export const node: NodeView = {
  place: { name: 'node-a', zone: 'zone-1' },
  addresses: ['127.0.0.1', '::1', '192.0.2.10', '198.51.100.10', '2001:db8::10'].map(ip),
  podCidrs: ['10.244.1.0/24'],
  nodePortAddresses: [],
};

/** What the manifests make: read, put together and built as a file feed and the table do it. */
export function build(yaml: string, view: NodeView = node, options: ManifestOptions = {}): BuildResult {
  const manifests = manifestsOf(yaml, options);
  const chunks = [{ start: 0, end: 0, content: { manifests, faultPlaces: new Map() } }];
  const content = { bytes: Buffer.from(yaml), chunks };
  const { state } = assemble([{ file: 'test', content }], emptyAssembly, new EndpointsController());
  return buildSnapshot({ feeds: [{ name: 'test', state }], settings: defaultSettings, node: view }, emptySnapshot);
}

export function snapshotOf(yaml: string, view?: NodeView, options?: ManifestOptions): Snapshot {
  const { snapshot, problems } = build(yaml, view, options);
  assert.deepEqual(problems, []);
  return snapshot;
}

function manifestsOf(yaml: string, options: ManifestOptions): (Manifest & { file: string })[] {
  const bytes = Buffer.from(yaml);
  return splitDocuments(bytes).flatMap(({ start, end }) => {
    const document = parseDocument(bytes.toString('utf8', start, end));
    if (document.kind === 'invalid') throw new Error(document.message);
    const read = document.value === null ? [] : readManifests(document.value, [], options);
    return read.map((manifest) => ({ ...manifest, file: 'test' }));
  });
}

/** `kind scope KEY` of each frontend, sorted. */
export function frontendsOf({ frontends }: Snapshot): string[] {
  return Array.from(frontends.values(), ({ kind, scope, key }) => `${kind} ${scope} ${key}`).sort();
}

export function frontendAt(snapshot: Snapshot, key: string): Frontend {
  const found = [...snapshot.frontends.values()].find((frontend) => frontend.key === key);
  assert.ok(found, `nobody is at ${key}; there are ${[...snapshot.frontends.keys()].join(', ')}`);
  return found;
}

export function onlyPort({ servicePorts }: Snapshot): ServicePort {
  const [first, ...others] = servicePorts.values();
  assert.ok(first);
  assert.equal(others.length, 0);
  return first;
}

/** A Service `web` with these further keys of its spec, in flow style: `type: NodePort, clusterIP: 10.96.0.1`. */
export function serviceYaml(spec: string, { labels = '', status = '', name = 'web' } = {}): string {
  return `---
apiVersion: v1
kind: Service
metadata: { name: ${name}, labels: { ${labels} } }
spec: { ${spec} }
${status === '' ? '' : `status: { ${status} }\n`}`;
}

/** A slice of `web` with the port 8080 without a name. */
export function sliceYaml(
  endpoints: readonly string[],
  { name = 'web-1', ports = '{ port: 8080 }', labels = '' } = {},
) {
  return `---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}, labels: { kubernetes.io/service-name: web${labels && `, ${labels}`} } }
addressType: IPv4
ports: [${ports}]
endpoints: [${endpoints.join(', ')}]
`;
}

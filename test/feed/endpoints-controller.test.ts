import assert from 'node:assert/strict';
import { test } from 'node:test';
import { EndpointsController, type Selecting, slicesOf } from '../../src/feed/endpoints-controller.ts';
import { readManifests } from '../../src/feed/manifests.ts';
import type { Pod } from '../../src/feed/pod.ts';

type Part = Readonly<Record<string, unknown>>;

const running = { phase: 'Running', conditions: [{ type: 'Ready', status: 'True' }] };
let count = 0;

/** A pod `run: web` with a port `http`; `undefined` if it is none for a service. */
function pod(status: Part, over: { metadata?: Part; spec?: Part } = {}): Pod | undefined {
  count += 1;
  const [manifest] = readManifests({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: `web-${count}`, labels: { run: 'web' }, ...over.metadata },
    spec: { containers: [{ ports: [{ name: 'http', containerPort: 8080 }] }], ...over.spec },
    status: { ...running, ...status },
  });
  assert.ok(manifest?.kind === 'pod' || manifest?.kind === 'not-proxied', JSON.stringify(manifest));
  return manifest.kind === 'pod' ? manifest.pod : undefined;
}

function selecting(spec: Part = {}, metadata: Part = {}): Selecting {
  const [manifest] = readManifests({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', ...metadata },
    spec: { clusterIP: '10.96.0.1', selector: { run: 'web' }, ports: [{ port: 80, targetPort: 'http' }], ...spec },
  });
  assert.ok(manifest?.kind === 'service' && manifest.selection !== undefined);
  return { service: manifest.service, selection: manifest.selection };
}

/** `address ready/serving/terminating ports`, for each endpoint. */
function endpointsOf(spec: Part, pods: readonly (Pod | undefined)[]): string[] {
  const present = pods.filter((each) => each !== undefined);
  const slices = new EndpointsController().slicesFor([selecting(spec)], present);
  return slices.flatMap(({ endpoints, ports }) =>
    endpoints.map(({ address, ready, serving, terminating }) => {
      const flags = [ready && 'ready', serving && 'serving', terminating && 'terminating'].filter(Boolean);
      return `${address} ${flags.join('+')} ${ports.map(({ name, port }) => `${name}=${port}`).join()}`;
    }),
  );
}

const a = { podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }] };
const b = { podIP: '10.0.0.2' };
const unready = { conditions: [{ type: 'Ready', status: 'False' }] };
const deleted = { metadata: { labels: { run: 'web' }, deletionTimestamp: '2026-01-01T00:00:00Z', name: 'web-d' } };
const other = { metadata: { name: 'other', labels: { run: 'other' } } };
const elsewhere = { metadata: { name: 'web-x', namespace: 'other', labels: { run: 'web' } } };
const port = (name: string, containerPort: number, protocol = 'TCP') => ({
  spec: { containers: [{ ports: [{ name, containerPort, protocol }] }] },
});

const rows: Readonly<Record<string, readonly [spec: Part, pods: (Pod | undefined)[], expected: string[]]>> = {
  'pods with the labels': [{}, [pod(a), pod(b)], ['10.0.0.1 ready+serving =8080', '10.0.0.2 ready+serving =8080']],
  'not those with other labels': [{}, [pod(a, other)], []],
  'not those of another namespace': [{}, [pod(a, elsewhere)], []],
  'all labels of the selector': [
    { selector: { run: 'web', color: 'green' } },
    [pod(a), pod(b, { metadata: { name: 'g', labels: { run: 'web', color: 'green', more: 'x' } } })],
    ['10.0.0.2 ready+serving =8080'],
  ],
  'one that is not ready': [{}, [pod({ ...a, ...unready })], ['10.0.0.1  =8080']],
  'one without conditions is not ready': [{}, [pod({ ...a, conditions: undefined })], ['10.0.0.1  =8080']],
  publishNotReadyAddresses: [
    { publishNotReadyAddresses: true },
    [pod({ ...a, ...unready }), pod(b, deleted)],
    ['10.0.0.1 ready =8080', '10.0.0.2 ready+serving+terminating =8080'],
  ],
  'one that terminates serves and is not ready': [{}, [pod(a, deleted)], ['10.0.0.1 serving+terminating =8080']],
  'one that terminates and is not ready': [{}, [pod({ ...a, ...unready }, deleted)], ['10.0.0.1 terminating =8080']],
  'not one that has succeeded': [{}, [pod({ ...a, phase: 'Succeeded' })], []],
  'not one that has failed': [{ publishNotReadyAddresses: true }, [pod({ ...a, phase: 'Failed' })], []],
  'not one without an address': [{}, [pod({}), pod({ podIPs: [] }), pod({ podIP: '' })], []],
  'one on the network of its node': [
    {},
    [pod({ podIP: '192.0.2.10', hostIP: '192.0.2.10' }, { spec: { hostNetwork: true, ...port('http', 8080).spec } })],
    ['192.0.2.10 ready+serving =8080'],
  ],
  'a named targetPort is looked up in each pod': [
    {},
    [pod(a, port('http', 8080)), pod(b, port('http', 9090))],
    ['10.0.0.1 ready+serving =8080', '10.0.0.2 ready+serving =9090'],
  ],
  'a named targetPort of another protocol is another port': [
    {},
    [pod(a, port('http', 8080, 'UDP'))],
    ['10.0.0.1 ready+serving '],
  ],
  'a targetPort that is a number needs no container port': [
    { ports: [{ port: 80, targetPort: 9000 }] },
    [pod(a, { spec: {} })],
    ['10.0.0.1 ready+serving =9000'],
  ],
  'without targetPort: port': [{ ports: [{ port: 80 }] }, [pod(a)], ['10.0.0.1 ready+serving =80']],
  'targetPort 0 and empty: port': [
    {
      ports: [
        { name: 'x', port: 80, targetPort: 0 },
        { name: 'y', port: 81, targetPort: '' },
      ],
    },
    [pod(a)],
    ['10.0.0.1 ready+serving x=80,y=81'],
  ],
  'several ports': [
    {
      ports: [
        { name: 'web', port: 80, targetPort: 'http' },
        { name: 'dns', port: 53, protocol: 'UDP', targetPort: 5353 },
      ],
    },
    [pod(a)],
    ['10.0.0.1 ready+serving web=8080,dns=5353'],
  ],
  'a port of a sidecar, not of an init container': [
    { ports: [{ port: 80, targetPort: 'side' }] },
    [
      pod(a, {
        spec: { initContainers: [{ restartPolicy: 'Always', ports: [{ name: 'side', containerPort: 1 }] }] },
      }),
      pod(b, { spec: { initContainers: [{ ports: [{ name: 'side', containerPort: 1 }] }] } }),
    ],
    ['10.0.0.1 ready+serving =1', '10.0.0.2 ready+serving '],
  ],
  'dual stack: an endpoint for each family': [
    {},
    [pod({ podIP: '10.0.0.1', podIPs: [{ ip: '10.0.0.1' }, { ip: 'FD00::0:1' }] })],
    ['10.0.0.1 ready+serving =8080', 'fd00::1 ready+serving =8080'],
  ],
};

for (const [name, [spec, pods, expected]] of Object.entries(rows))
  test(`endpoints of pods: ${name}`, () => assert.deepEqual(endpointsOf(spec, pods), expected));

test('the node of a pod is the node of its endpoint', () => {
  const here = pod(a, { spec: { nodeName: 'node-a', ...port('http', 8080).spec } });
  assert.ok(here);
  assert.equal(slicesOf(selecting(), [here])[0]?.endpoints[0]?.nodeName, 'node-a');
});

test('a selector that is empty selects nobody', () => {
  const [manifest] = readManifests({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web' },
    spec: { clusterIP: '10.96.0.1', selector: {}, ports: [{ port: 80 }] },
  });
  assert.ok(manifest?.kind === 'service');
  assert.equal(manifest.selection, undefined);
});

test('a service whose pods are the same keeps its slices, the others do not', () => {
  const [one, two, three] = [pod(a), pod(b), pod({ podIP: '10.0.0.3' }, other)];
  assert.ok(one && two && three);
  const web = selecting();
  const side = selecting({ selector: { run: 'other' } }, { name: 'other' });
  const controller = new EndpointsController();
  const [first, second] = controller.slicesFor([web, side], [one, two, three]);
  const [sameFirst, newSecond] = controller.slicesFor([web, side], [one, two, { ...three, ready: false }]);
  assert.equal(sameFirst, first);
  assert.notEqual(newSecond, second);
  const [third] = controller.slicesFor([{ ...web, selection: { ...web.selection, publishNotReady: true } }], [one]);
  assert.notEqual(third, first);
});

test('a pod with an address that is none is invalid, and says where', () => {
  const [manifest] = readManifests({
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: { name: 'web' },
    status: { podIPs: [{ ip: '10.0.0.1' }, { ip: 'x' }] },
  });
  assert.ok(manifest?.kind === 'invalid');
  assert.deepEqual(
    manifest.faults.map(({ path, message }) => [path.join('.'), message]),
    [['status.podIPs.1.ip', 'Pod default/web is skipped: "x" cannot be a pod\'s address: it is not an IP address']],
  );
});

/**
 * `kubernetes-server.ts SERVICES ENDPOINTS`, forked: the double of an API server with so many Services, each with a slice
 * of so many endpoints, with the `managedFields` that real ones have. Says `{url}`; told `{service, version}`, it changes
 * an endpoint of that service.
 */
import { ApiServer, type TestObject } from '../../test/support/api-server.ts';

const [services = 0, endpoints = 0] = process.argv.slice(2).map(Number);

/** What kube-controller-manager writes into each slice. */
const managedFields = [
  {
    manager: 'kube-controller-manager',
    operation: 'Update',
    apiVersion: 'discovery.k8s.io/v1',
    time: '2026-01-01T00:00:00Z',
    fieldsType: 'FieldsV1',
    fieldsV1: {
      'f:addressType': {},
      'f:endpoints': {},
      'f:metadata': {
        'f:annotations': { '.': {}, 'f:endpoints.kubernetes.io/last-change-trigger-time': {} },
        'f:generateName': {},
        'f:labels': { '.': {}, 'f:endpointslice.kubernetes.io/managed-by': {}, 'f:kubernetes.io/service-name': {} },
        'f:ownerReferences': { '.': {}, 'k:{"uid":"5f6b8d3c-0000-4000-8000-000000000000"}': {} },
      },
      'f:ports': {},
    },
  },
];

function service(index: number): TestObject {
  const vip = `10.96.${index >> 8}.${index & 255}`;
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: `s${index}`, namespace: 'default', labels: { app: `s${index}` }, managedFields },
    spec: {
      type: 'ClusterIP',
      clusterIP: vip,
      clusterIPs: [vip],
      ipFamilies: ['IPv4'],
      selector: { app: `s${index}` },
      ports: [{ name: 'http', port: 80, protocol: 'TCP', targetPort: 8080 }],
    },
  };
}

function slice(index: number, version: number): TestObject {
  const address = (at: number) => `10.${at === 0 ? version % 250 : 250}.${at}.${1 + (index % 250)}`;
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: {
      name: `s${index}-abcde`,
      namespace: 'default',
      labels: { 'kubernetes.io/service-name': `s${index}` },
      managedFields,
    },
    addressType: 'IPv4',
    ports: [{ name: 'http', port: 8080, protocol: 'TCP' }],
    endpoints: Array.from({ length: endpoints }, (_, at) => ({
      addresses: [address(at)],
      conditions: { ready: true, serving: true, terminating: false },
      nodeName: `node-${at}`,
      zone: `zone-${at % 3}`,
      targetRef: {
        kind: 'Pod',
        namespace: 'default',
        name: `s${index}-${at}`,
        uid: `00000000-0000-4000-8000-${index}`,
      },
    })),
  };
}

const server = new ApiServer();
for (let index = 0; index < services; index += 1) server.set(service(index), slice(index, 0));
await server.listen();
process.on('message', ({ service: index, version }: { service: number; version: number }) =>
  server.set(slice(index, version)),
);
process.on('disconnect', () => process.exit());
process.send?.({ url: server.url });

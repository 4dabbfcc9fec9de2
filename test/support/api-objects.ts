import type { TestObject } from './api-server.ts';

/** Kubernetes objects as an API server has them. */

export function serviceObject(
  name: string,
  vip: string,
  { port = 80, labels = {}, spec = {} }: { port?: number; labels?: Record<string, string>; spec?: object } = {},
): TestObject {
  return {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name, namespace: 'default', labels },
    spec: { type: 'ClusterIP', clusterIP: vip, clusterIPs: [vip], ports: [{ port, protocol: 'TCP' }], ...spec },
  };
}

export function sliceObject(
  service: string,
  addresses: readonly string[],
  { name = `${service}-x`, port = 8080, labels = {} }: { name?: string; port?: number; labels?: object } = {},
): TestObject {
  return {
    apiVersion: 'discovery.k8s.io/v1',
    kind: 'EndpointSlice',
    metadata: { name, namespace: 'default', labels: { 'kubernetes.io/service-name': service, ...labels } },
    addressType: 'IPv4',
    ports: [{ name: '', port, protocol: 'TCP' }],
    endpoints: addresses.map((address) => ({ addresses: [address], conditions: { ready: true } })),
  };
}

export function endpointsObject(name: string, addresses: readonly string[], port = 8080): TestObject {
  return {
    apiVersion: 'v1',
    kind: 'Endpoints',
    metadata: { name, namespace: 'default' },
    subsets: [{ addresses: addresses.map((ip) => ({ ip })), ports: [{ port, protocol: 'TCP' }] }],
  };
}

export function nodeObject(
  name: string,
  zone: string,
  { ready = true, addresses = [] }: { ready?: boolean; addresses?: readonly object[] } = {},
): TestObject {
  return {
    apiVersion: 'v1',
    kind: 'Node',
    metadata: { name, labels: { 'topology.kubernetes.io/zone': zone } },
    spec: { podCIDRs: ['10.244.1.0/24'] },
    status: { conditions: [{ type: 'Ready', status: ready ? 'True' : 'False' }], addresses },
  };
}

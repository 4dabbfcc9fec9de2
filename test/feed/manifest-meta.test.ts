import assert from 'node:assert/strict';
import { test } from 'node:test';
import { readManifests } from '../../src/feed/manifests.ts';
import type { ServiceMeta } from '../../src/model/service.ts';

type Part = Readonly<Record<string, unknown>>;

function metaOf(metadata: Part, spec: Part = {}): ServiceMeta | undefined {
  const [manifest] = readManifests({
    apiVersion: 'v1',
    kind: 'Service',
    metadata: { name: 'web', ...metadata },
    spec: { clusterIP: '10.96.0.1', ports: [{ port: 80 }], ...spec },
  });
  if (manifest?.kind !== 'service') throw new Error(JSON.stringify(manifest));
  return manifest.service.meta;
}

const targetPorts = { '/TCP': '80' };

test('a service that says nothing but its address: the target port is the port', () => {
  assert.deepEqual(metaOf({}), { targetPorts });
});

test('everything that people see of a service', () => {
  const metadata = {
    labels: { run: 'web' },
    annotations: { 'sluice/policy': 'random' },
    creationTimestamp: '2026-11-22T12:00:00Z',
  };
  const ports = [
    { name: 'http', port: 80, targetPort: 'web' },
    { name: 'dns', port: 53, protocol: 'UDP', targetPort: 5353 },
  ];
  assert.deepEqual(
    metaOf(metadata, { type: 'NodePort', selector: { run: 'web' }, ipFamilyPolicy: 'SingleStack', ports }),
    {
      labels: { run: 'web' },
      annotations: { 'sluice/policy': 'random' },
      selector: { run: 'web' },
      type: 'NodePort',
      ipFamilyPolicy: 'SingleStack',
      createdAt: '2026-11-22T12:00:00Z',
      targetPorts: { 'http/TCP': 'web', 'dns/UDP': '5353' },
    },
  );
});

test('what is only shown spoils nothing: nulls, wrong times, notes of kubectl', () => {
  const annotations = { 'kubectl.kubernetes.io/last-applied-configuration': '{}', odd: 3 };
  assert.deepEqual(metaOf({ labels: null, annotations, creationTimestamp: null }, { selector: null }), { targetPorts });
  assert.deepEqual(metaOf({ annotations: null, creationTimestamp: 5 }, { ipFamilyPolicy: {} }), { targetPorts });
});

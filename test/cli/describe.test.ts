import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { DescribeResponse } from '../../src/admin/shapes.ts';
import { describeText } from '../../src/cli/describe.ts';

const webserver: DescribeResponse = {
  service: {
    apiVersion: 'v1',
    kind: 'Service',
    metadata: {
      name: 'webserver',
      namespace: 'default',
      labels: { run: 'webserver' },
      creationTimestamp: '2026-11-22T12:00:00Z',
    },
    spec: {
      type: 'ClusterIP',
      clusterIP: '10.104.58.143',
      clusterIPs: ['10.104.58.143'],
      ports: [{ port: 80, protocol: 'TCP', targetPort: 8080 }],
      selector: { run: 'webserver' },
      sessionAffinity: 'None',
      ipFamilies: ['IPv4'],
      internalTrafficPolicy: 'Cluster',
    },
    status: { loadBalancer: {} },
  },
  ports: [
    {
      name: '',
      port: 80,
      protocol: 'TCP',
      policy: 'roundRobin',
      frontends: [{ vip: '10.104.58.143:80', state: 'listening' }],
      endpoints: ['172.17.0.3:8080', '172.17.0.4:8080'],
      leftOut: [],
    },
  ],
};

const unproxied: [string, Partial<DescribeResponse['service']['spec']>, DescribeResponse['notProxied'], RegExp[]][] = [
  [
    'headless',
    { clusterIP: 'None', clusterIPs: ['None'] },
    'headless',
    [/^IP: +None$/m, /^IPs: +None$/m, /^Frontends: +<none> \(not proxied: headless/m],
  ],
  [
    'ExternalName',
    { type: 'ExternalName', externalName: 'db.example', ports: [] },
    'external-name',
    [/^IP: *$/m, /^IPs: +<none>$/m, /^External Name: +db\.example$/m, /not proxied: ExternalName/],
  ],
  ['no cluster IP', {}, 'no-cluster-ip', [/^IPs: +<none>$/m, /not proxied: it has no clusterIP/]],
];
for (const [name, spec, notProxied, lines] of unproxied) {
  test(`not proxied: ${name}`, () => {
    const { clusterIP: _, clusterIPs: __, ...bare } = webserver.service.spec;
    const service = { ...webserver.service, spec: { ...bare, ...spec } };
    const text = describeText({ ...webserver, service, ...(notProxied && { notProxied }) });
    for (const line of lines) assert.match(text, line);
    assert.doesNotMatch(text, /^(Endpoints|Policy):/m);
  });
}

test('the service of the scenario', () => {
  assert.equal(
    describeText(webserver),
    `Name:                     webserver
Namespace:                default
Labels:                   run=webserver
Annotations:              <none>
Selector:                 run=webserver
Type:                     ClusterIP
IP Families:              IPv4
IP:                       10.104.58.143
IPs:                      10.104.58.143
Port:                     <unset>  80/TCP
TargetPort:               8080/TCP
Endpoints:                172.17.0.3:8080,172.17.0.4:8080
Session Affinity:         None
Internal Traffic Policy:  Cluster
Policy:                   roundRobin
Frontends:                10.104.58.143:80/TCP  listening
Events:                   <none>
`,
  );
});

test('everything that a service can have', () => {
  const { service, ports } = webserver;
  const [port] = ports;
  assert.ok(port);
  const metadata = { ...service.metadata, labels: { b: '2', a: '1' }, annotations: { note: 'x', 'a/b': 'c' } };
  const spec: DescribeResponse['service']['spec'] = {
    ...service.spec,
    type: 'LoadBalancer',
    ipFamilyPolicy: 'RequireDualStack',
    clusterIPs: ['10.104.58.143', 'fd00::1'],
    ipFamilies: ['IPv4', 'IPv6'],
    externalIPs: ['192.0.2.9'],
    ports: [
      { name: 'http', port: 80, protocol: 'TCP', targetPort: 'web', nodePort: 30_080 },
      { name: 'dns', port: 53, protocol: 'UDP' },
    ],
    sessionAffinity: 'ClientIP',
    sessionAffinityConfig: { clientIP: { timeoutSeconds: 10_800 } },
    externalTrafficPolicy: 'Local',
    healthCheckNodePort: 32_000,
    loadBalancerSourceRanges: ['10.0.0.0/8', '192.0.2.0/24'],
  };
  const leftOut = [
    { endpoint: '172.17.0.7:8080', reason: 'not-ready' },
    { endpoint: '172.17.0.8:8080', reason: 'other-node' },
  ];
  const endpoints = ['172.17.0.3:8080', '172.17.0.4:8080', '172.17.0.5:8080', '172.17.0.6:8080'];
  const frontends = [{ vip: '10.104.58.143:53', state: 'failed' as const, code: 'EACCES' }];
  assert.equal(
    describeText({
      service: { ...service, metadata, spec, status: { loadBalancer: { ingress: [{ ip: '192.0.2.1' }] } } },
      ports: [
        { ...port, endpoints, leftOut },
        { ...port, name: 'dns', port: 53, protocol: 'UDP', endpoints: [], frontends },
      ],
    }),
    `Name:                        webserver
Namespace:                   default
Labels:                      a=1
                             b=2
Annotations:                 a/b: c
                             note: x
Selector:                    run=webserver
Type:                        LoadBalancer
IP Family Policy:            RequireDualStack
IP Families:                 IPv4,IPv6
IP:                          10.104.58.143
IPs:                         10.104.58.143,fd00::1
External IPs:                192.0.2.9
LoadBalancer Ingress:        192.0.2.1
Port:                        http  80/TCP
TargetPort:                  web/TCP
NodePort:                    http  30080/TCP
Endpoints:                   172.17.0.3:8080,172.17.0.4:8080,172.17.0.5:8080 + 1 more...
Left Out:                    172.17.0.7:8080 (not-ready)
                             172.17.0.8:8080 (other-node)
Port:                        dns  53/UDP
TargetPort:                  53/UDP
Endpoints:                   <none>
Session Affinity:            ClientIP
Affinity Timeout:            3h
External Traffic Policy:     Local
Internal Traffic Policy:     Cluster
HealthCheck NodePort:        32000
LoadBalancer Source Ranges:  10.0.0.0/8,192.0.2.0/24
Policy:                      roundRobin
Frontends:                   10.104.58.143:80/TCP  listening
                             10.104.58.143:53/UDP  failed (EACCES)
Events:                      <none>
`,
  );
});

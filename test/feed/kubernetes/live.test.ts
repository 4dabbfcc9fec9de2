import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { type TestContext, test } from 'node:test';
import { systemClock } from '../../../src/base/clock.ts';
import { ApiClient } from '../../../src/feed/kubernetes/api-client.ts';
import { KubeFeed } from '../../../src/feed/kubernetes/kube-feed.ts';
import { KubeconfigAccess } from '../../../src/feed/kubernetes/kubeconfig.ts';
import { serviceObject, sliceObject } from '../../support/api-objects.ts';
import { until } from '../../support/until.ts';
import { Recorder } from '../file/support.ts';

/** Against the API server of `$KUBECONFIG`, whatever it is. It makes one Service there, which it deletes. */
const skip = process.env.KUBECONFIG ? false : 'KUBECONFIG is not set: no real API server is at hand';

function start(t: TestContext) {
  const access = new KubeconfigAccess({ clock: systemClock });
  const feed = new KubeFeed({ name: 'kubernetes', clock: systemClock, access });
  t.after(() => feed.close());
  return { feed, seen: new Recorder(), client: new ApiClient({ access, clock: systemClock }), access };
}

test('a real API server: the first sync is complete, and nothing is wrong with it', { skip }, async (t) => {
  const { feed, seen } = start(t);
  await feed.start(seen);
  assert.deepEqual(seen.problems, []);
  assert.ok(seen.last.services.some(({ namespace, name }) => namespace === 'default' && name === 'kubernetes'));
});

test('a real API server: a Service that is made appears, with its slice', { skip }, async (t) => {
  const { feed, seen, client } = start(t);
  await feed.start(seen);
  const name = `sluice-test-${randomUUID().slice(0, 8)}`;
  const { signal } = new AbortController();
  const post = (path: string, body: unknown) => client.json({ path, method: 'POST', body, signal });
  const { clusterIP: _, clusterIPs: __, ...spec } = serviceObject(name, '').spec as Record<string, unknown>;
  const made = await post('/api/v1/namespaces/default/services', { ...serviceObject(name, ''), spec });
  assert.equal(made.kind, 'ok', JSON.stringify(made));
  t.after(() => client.json({ path: `/api/v1/namespaces/default/services/${name}`, method: 'DELETE', signal }));
  await post('/apis/discovery.k8s.io/v1/namespaces/default/endpointslices', sliceObject(name, ['192.0.2.1']));
  t.after(() =>
    client.json({
      path: `/apis/discovery.k8s.io/v1/namespaces/default/endpointslices/${name}-x`,
      method: 'DELETE',
      signal,
    }),
  );
  await until(() => seen.names.includes(name), 'the Service is there');
  await until(() => seen.last.slices.some(({ service }) => service === `default/${name}`), 'its slice is there');
});

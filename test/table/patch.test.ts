import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unknownNode } from '../../src/model/node.ts';
import type { EndpointSlice, Service } from '../../src/model/service.ts';
import { defaultSettings } from '../../src/model/settings.ts';
import { SnapshotBuilder } from '../../src/table/build.ts';
import { ip, service, slice, sliceEndpoint } from '../support/model.ts';

const node = { ...unknownNode, place: { name: 'a' } };
const balanced = service('web', ['10.96.0.1'], {
  externalTrafficPolicy: 'Local',
  loadBalancerIps: [ip('203.0.113.1')],
  healthCheckNodePort: 32_000,
});
const services: readonly Service[] = [balanced, service('other', ['10.96.0.2'])];
const here = (address: string) => sliceEndpoint(address, { nodeName: 'a' });

function builds() {
  const builder = new SnapshotBuilder();
  return (slices: readonly EndpointSlice[]) =>
    builder.build({ feeds: [{ name: 'feed', state: { services, slices } }], settings: defaultSettings, node }).snapshot;
}

test('where only endpoints change, all else is the same object', () => {
  const build = builds();
  const other = slice('other', 'other', ['10.0.1.1']);
  const before = build([slice('web', 'web', [here('10.0.0.1')]), other]);
  const after = build([slice('web', 'web', [here('10.0.0.2')]), other]);
  assert.equal(after.version, before.version + 1);
  assert.equal(after.services, before.services);
  const changed = [...after.frontends].filter(([key, frontend]) => before.frontends.get(key) !== frontend);
  assert.deepEqual(
    changed.map(([key]) => key),
    ['10.96.0.1:80/TCP', '203.0.113.1:80/TCP'],
  );
  assert.equal(after.healthChecks, before.healthChecks, 'it counts, and there is one as before');
});

test('health checks count the endpoints that come', () => {
  const build = builds();
  const before = build([slice('web', 'web', [here('10.0.0.1')])]);
  const after = build([slice('web', 'web', [here('10.0.0.1'), here('10.0.0.2')])]);
  const counts = [before, after].map(({ healthChecks }) => healthChecks.get(balanced.key)?.localEndpoints);
  assert.deepEqual(counts, [1, 2]);
});

test('slices of a service that nobody has declared change nothing', () => {
  const build = builds();
  const web = slice('web', 'web', [here('10.0.0.1')]);
  const before = build([web]);
  assert.equal(build([web, slice('lost', 'lost', ['10.0.9.1'])]), before);
});

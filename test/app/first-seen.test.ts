import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FirstSeen } from '../../src/app/first-seen.ts';
import type { Service } from '../../src/model/service.ts';
import { service } from '../support/model.ts';

const mapOf = (...services: Service[]) => new Map(services.map((each) => [each.key, each]));

test('a service was made when it was first seen, unless it says when', () => {
  let now = Date.UTC(2026, 10, 22, 12, 0, 0, 345);
  const seen = new FirstSeen(() => now);
  const [web, api] = [service('web', []), service('api', [], { meta: { createdAt: '2026-01-01T00:00:00Z' } })];
  seen.sync(mapOf(web, api));
  now += 60_000;
  seen.sync(mapOf(web, api));
  assert.deepEqual(
    [web, api].map((each) => seen.createdAt(each)),
    ['2026-11-22T12:00:00Z', '2026-01-01T00:00:00Z'],
  );
  seen.sync(mapOf());
  now += 60_000;
  seen.sync(mapOf(web));
  assert.equal(seen.createdAt(web), '2026-11-22T12:02:00Z');
  assert.equal(seen.createdAt(service('new', [])), '2026-11-22T12:02:00Z', 'not applied yet: it is seen now');
});

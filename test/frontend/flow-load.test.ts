import assert from 'node:assert/strict';
import { test } from 'node:test';
import { FlowLoad } from '../../src/frontend/flow-load.ts';
import { frontendOf, servicePortNamed } from '../support/live-views.ts';

const web = frontendOf(servicePortNamed('web'));
const other = frontendOf(servicePortNamed('other'));

test('flows are counted for the process', () => {
  const load = new FlowLoad(2);
  load.opened(web);
  load.opened(other);
  assert.equal(load.active, 2);
  assert.equal(load.refusal(web, 0), 'limit-process');
  load.closed(web);
  assert.equal(load.refusal(web, 0), undefined);
});

test('a new limit holds from the next flow on', () => {
  const load = new FlowLoad(Number.POSITIVE_INFINITY);
  load.opened(web);
  load.limit = 1;
  assert.equal(load.refusal(web, 0), 'limit-process');
  load.limit = 2;
  assert.equal(load.refusal(web, 0), undefined);
});

test('draining comes before every limit', () => {
  const load = new FlowLoad(0);
  load.draining = true;
  assert.equal(load.refusal(web, 0), 'shutdown');
});

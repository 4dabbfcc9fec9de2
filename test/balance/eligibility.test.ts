import assert from 'node:assert/strict';
import { test } from 'node:test';
import { eligibleEndpoints, judge, leftOutReason } from '../../src/balance/eligibility.ts';
import type { SliceEndpoint } from '../../src/model/service.ts';
import { endpoint } from '../support/model.ts';

const states: Record<string, Partial<SliceEndpoint>> = {
  ready: {},
  'ready while it terminates': { terminating: true },
  terminating: { ready: false, terminating: true },
  'not ready': { ready: false },
  'gone quiet': { ready: false, serving: false, terminating: true },
  'without weight': { weight: 0 },
  'terminating without weight': { ready: false, terminating: true, weight: 0 },
};

const rows: { name: string; given: string[]; gets: string[]; leftOut: (string | undefined)[] }[] = [
  { name: 'no endpoints', given: [], gets: [], leftOut: [] },
  { name: 'ready ones only', given: ['ready', 'not ready'], gets: ['ready'], leftOut: [undefined, 'not-ready'] },
  {
    name: 'terminating ones are left out while others are ready',
    given: ['terminating', 'ready'],
    gets: ['ready'],
    leftOut: ['terminating', undefined],
  },
  {
    name: 'terminating ones that serve are the fallback',
    given: ['terminating', 'not ready', 'gone quiet'],
    gets: ['terminating'],
    leftOut: [undefined, 'not-ready', 'not-ready'],
  },
  { name: 'not ready only', given: ['not ready', 'gone quiet'], gets: [], leftOut: ['not-ready', 'not-ready'] },
  {
    name: 'marked ready counts as ready, terminating or not (publishNotReadyAddresses)',
    given: ['ready while it terminates', 'terminating'],
    gets: ['ready while it terminates'],
    leftOut: [undefined, 'terminating'],
  },
  {
    name: 'weight 0 is as if it were not there',
    given: ['without weight', 'terminating', 'terminating without weight'],
    gets: ['terminating'],
    leftOut: ['weight-zero', undefined, 'weight-zero'],
  },
];

for (const { name, given, gets, leftOut } of rows) {
  test(`eligible: ${name}`, () => {
    const endpoints = given.map((state, index) => endpoint(`127.1.0.${index + 1}`, states[state]));
    const judgement = judge(endpoints, 'cluster');
    assert.deepEqual(
      eligibleEndpoints(endpoints).map((chosen) => given[endpoints.indexOf(chosen)]),
      gets,
    );
    assert.deepEqual(
      endpoints.map((each) => leftOutReason(each, judgement)),
      leftOut,
    );
  });
}

import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { ConnectFailure } from '../../src/model/reason.ts';
import {
  connectFailureOf,
  connectFailures,
  dropReasons,
  endReasons,
  isLocalFailure,
  rejectReasons,
} from '../../src/model/reason.ts';

const failures: Record<string, ConnectFailure> = {
  ECONNREFUSED: 'connect-refused',
  ETIMEDOUT: 'connect-timeout',
  EHOSTUNREACH: 'connect-unreachable',
  ENETUNREACH: 'connect-unreachable',
  EHOSTDOWN: 'connect-unreachable',
  ECONNRESET: 'connect-reset',
  EADDRNOTAVAIL: 'ports-exhausted',
  EMFILE: 'descriptors-exhausted',
  ENFILE: 'descriptors-exhausted',
  ENOMEM: 'memory-exhausted',
  ENOBUFS: 'memory-exhausted',
  EPERM: 'connect-error',
  UNKNOWN: 'connect-error',
};

for (const [code, failure] of Object.entries(failures)) {
  test(`${code} is ${failure}`, () => assert.equal(connectFailureOf(code), failure));
}

test('every connect failure comes from some code', () => {
  assert.deepEqual(new Set(Object.values(failures)), new Set(connectFailures));
});

test('only what this host has run out of blames no endpoint', () => {
  const local = ['ports-exhausted', 'descriptors-exhausted', 'memory-exhausted'];
  assert.deepEqual(connectFailures.filter(isLocalFailure), local);
});

test('reasons are words that may stand in a metric label, and each is there once', () => {
  for (const reasons of [connectFailures, rejectReasons, endReasons, dropReasons]) {
    assert.equal(new Set(reasons).size, reasons.length);
    for (const reason of reasons) assert.match(reason, /^[a-z]+(-[a-z]+)*$/);
  }
});

test('whatever rejects a flow may drop a datagram', () => {
  for (const reason of rejectReasons) assert.ok((dropReasons as readonly string[]).includes(reason), reason);
});

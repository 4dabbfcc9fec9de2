import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frontendKey } from '../../src/model/keys.ts';
import type { Reach, Redirect, Redirection } from '../../src/vip/host.ts';
import { relayAddresses } from '../../src/vip/layout.ts';
import { obstacleOf } from '../../src/vip/obstacle.ts';
import { ip } from '../support/model.ts';

const key = frontendKey('TCP', ip('10.96.0.1'), 80);
const redirect = (reach: Reach): Redirect => {
  const one: Redirection = { protocol: 'TCP', address: ip('10.96.0.1'), port: 80, reach, to: 10_000 };
  return { via: 'dnat', relay: relayAddresses, from: ['10.244.0.0/16'], redirections: new Map([[key, one]]) };
};

const rows: readonly [string, ReturnType<typeof redirect> | undefined, string, 'not-inside' | undefined][] = [
  ['nothing is redirected', undefined, '192.0.2.1', undefined],
  ['a client of this host', redirect('inside'), '192.0.2.9', undefined],
  ['a client of a network that may come', redirect('inside'), '10.244.1.1', undefined],
  ['a client from outside', redirect('inside'), '192.0.2.1', 'not-inside'],
  ['a client from outside, and an address for everybody', redirect('everybody'), '192.0.2.1', undefined],
];
for (const [name, rules, client, expected] of rows)
  test(`who comes to a ClusterIP: ${name}`, () =>
    assert.equal(obstacleOf(rules, key, ip(client), [ip('192.0.2.9')]), expected));

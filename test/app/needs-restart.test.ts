import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inEffect, notInEffect } from '../../src/app/needs-restart.ts';
import { type ProcessConfig, parseConfig } from '../../src/config/load.ts';

function configOf(text: string): ProcessConfig {
  const result = parseConfig(text, 'c.yaml');
  assert.ok(result.kind === 'ok');
  return result.config;
}

const keysOf = (before: string, after: string) =>
  notInEffect(configOf(before), configOf(after), 'net').map(({ key }) => key);

test('what is built once is named when it changes', () => {
  assert.deepEqual(keysOf('{}', '{}'), []);
  assert.deepEqual(keysOf('{}', 'tcp: { backlog: 7, idleTimeout: 1m }'), ['tcp.backlog']);
  assert.deepEqual(keysOf('{}', 'engine: net'), ['engine']);
});

test('what the engine net cannot follow is named, changed or not', () => {
  const text = 'mark: 7\ntcp: { userTimeout: 5s }';
  assert.deepEqual(keysOf(text, text), ['mark', 'tcp.userTimeout']);
});

test('where connections cannot be taken as they are, they are translated', () => {
  const tproxy = configOf('vip: { mode: redirect, redirect: { via: tproxy, from: [10.0.0.0/8] } }');
  assert.deepEqual(inEffect(tproxy, 'net').vip.redirect, { via: 'dnat', from: ['10.0.0.0/8'] });
  const dnat = configOf('vip: { mode: redirect }');
  assert.equal(inEffect(dnat, 'net'), dnat);
});

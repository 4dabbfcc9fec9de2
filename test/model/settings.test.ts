import assert from 'node:assert/strict';
import { test } from 'node:test';
import { defaultSettings, overrideSettings } from '../../src/model/settings.ts';

test('an empty override changes nothing', () => {
  assert.deepEqual(overrideSettings(defaultSettings, {}), defaultSettings);
});

test('an override replaces what it names and nothing beside it', () => {
  const settings = overrideSettings(defaultSettings, {
    policy: 'maglev',
    tcp: { connectTimeoutMs: 250 },
    udp: { oneway: true },
    maxFlowsPerService: 5,
  });
  assert.deepEqual(settings, {
    ...defaultSettings,
    policy: 'maglev',
    tcp: { ...defaultSettings.tcp, connectTimeoutMs: 250 },
    udp: { ...defaultSettings.udp, oneway: true },
    maxFlowsPerService: 5,
  });
});

test('the base stays as it was', () => {
  const before = structuredClone(defaultSettings);
  overrideSettings(defaultSettings, { tcp: { noDelay: false }, udp: { idleTimeoutMs: 1 } });
  assert.deepEqual(defaultSettings, before);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { unmetBy } from '../../src/app/unmet.ts';
import { parseConfig } from '../../src/config/load.ts';
import type { Addon } from '../../src/relay/native/addon.ts';

const result = parseConfig('{ mark: 7, tcp: { userTimeout: 5s } }', 'c.yaml');
assert.ok(result.kind === 'ok');
const { config } = result;

/** Of an addon that is asked this only. */
const addon = (errno: number) =>
  ({ kind: 'loaded', addon: { refusal: () => errno } as Partial<Addon> as Addon }) as const;
const told = (problems: ReturnType<typeof unmetBy>) => problems.map(({ code, path }) => `${path} ${code}`);

test('an addon that may do everything leaves nothing to wish for', () => {
  assert.deepEqual(unmetBy(config, addon(0)), []);
});

test('what the kernel refuses is named, and nothing else', () => {
  const problems = unmetBy(config, addon(1));
  assert.deepEqual(told(problems), ['mark ENGINE_NOT_PERMITTED']);
  assert.match(problems[0]?.message ?? '', /needs CAP_NET_ADMIN \(for SO_MARK\): AmbientCapabilities=CAP_NET_ADMIN/);
});

test('without the addon everything that needs it is named, with why it is not there', () => {
  const problems = unmetBy(config, { kind: 'absent', why: 'it was not built' });
  assert.deepEqual(told(problems), ['mark ENGINE_NOT_LOADED', 'tcp.userTimeout ENGINE_NOT_LOADED']);
  assert.match(problems[0]?.message ?? '', /not there: it was not built; build it with npm run build:native/);
});

test('nothing that needs it: nothing is missing', () => {
  assert.deepEqual(unmetBy({ nativeOnly: [] }, { kind: 'absent', why: 'it was not built' }), []);
});

import assert from 'node:assert/strict';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, test } from 'node:test';
import { UserError } from '../../src/base/errors.ts';
import { adminTarget, formatTarget, parseTarget, targetOf } from '../../src/cli/admin-address.ts';
import { ip } from '../support/model.ts';

const right: [text: string, expected: object][] = [
  ['127.0.0.1:9090', { kind: 'tcp', host: '127.0.0.1', port: 9090 }],
  ['[::1]:9090', { kind: 'tcp', host: '::1', port: 9090 }],
  ['localhost:1', { kind: 'tcp', host: 'localhost', port: 1 }],
  ['unix:/run/sluice.sock', { kind: 'unix', path: '/run/sluice.sock' }],
];

describe('addresses', () => {
  for (const [text, expected] of right) {
    test(text, () => {
      assert.deepEqual(parseTarget(text, '--admin'), expected);
      assert.equal(formatTarget(parseTarget(text, '--admin')), text);
    });
  }
});

describe('what is no address is told with where it stands', () => {
  for (const text of [
    '',
    '9090',
    '127.0.0.1',
    '127.0.0.1:0',
    '127.0.0.1:65536',
    'unix:relative',
    'http://a:1',
    '::1:9090',
  ]) {
    test(text || '(empty)', () => {
      const isTold = (error: unknown) =>
        error instanceof UserError && /^--admin is ".*": write host:port/.test(error.message);
      assert.throws(() => parseTarget(text, '--admin'), isTold);
    });
  }
});

test('the option comes before the environment, which comes before the configuration', async () => {
  assert.deepEqual(await adminTarget('127.0.0.2:1', '127.0.0.3:2'), { kind: 'tcp', host: '127.0.0.2', port: 1 });
  assert.deepEqual(await adminTarget(undefined, '127.0.0.3:2'), { kind: 'tcp', host: '127.0.0.3', port: 2 });
  await assert.rejects(adminTarget(undefined, 'nowhere'), /\$SLUICE_ADMIN/);
});

test('the configuration file, if it is there and right; else the default', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'sluice-admin-'));
  t.after(() => rm(folder, { recursive: true }));
  const file = join(folder, 'sluice.yaml');
  const found = async () => formatTarget(await adminTarget(undefined, '', file));
  assert.equal(await found(), '127.0.0.1:9090');
  await writeFile(file, 'admin: { listen: "unix:/run/sluice.sock" }');
  assert.equal(await found(), 'unix:/run/sluice.sock');
  await writeFile(file, 'admin: [');
  assert.equal(await found(), '127.0.0.1:9090');
});

test('what the configuration says: wildcards are reached over loopback, off is nobody', () => {
  const at = (address: string) => targetOf({ kind: 'tcp', address: ip(address), port: 9 }, 'x.yaml');
  assert.deepEqual(
    ['0.0.0.0', '::', '10.0.0.1'].map((each) => formatTarget(at(each))),
    ['127.0.0.1:9', '[::1]:9', '10.0.0.1:9'],
  );
  assert.deepEqual(targetOf({ kind: 'unix', path: '/a' }, 'x.yaml'), { kind: 'unix', path: '/a' });
  assert.throws(() => targetOf({ kind: 'off' }, 'x.yaml'), /admin\.listen is off in x\.yaml.*--admin/);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { feedNotice } from '../../src/cli/feed-notices.ts';

const away = { code: 'KUBERNETES_UNREACHABLE', message: 'Services cannot be followed' };
const garbage = { code: 'KUBERNETES_GARBAGE', message: '3 lines were no objects' };
const wrong = { code: 'MANIFEST_INVALID', path: 'spec', message: 'Service default/web is skipped' };
const unreadable = { code: 'FILE_UNREADABLE', message: 'EACCES', position: { file: '/m.yaml', line: 1, column: 1 } };

const rows = [
  ['all is well', true, [], undefined],
  ['one object is wrong, and the rest is as it should be', true, [wrong], undefined],
  ['nothing came yet', false, [], 'feed a has not synced yet, its services are missing here'],
  [
    'nothing came yet, and why',
    false,
    [away],
    'feed a has not synced yet, its services are missing here: Services cannot be followed [KUBERNETES_UNREACHABLE]',
  ],
  ['its server is away', true, [wrong, away], 'feed a: Services cannot be followed [KUBERNETES_UNREACHABLE]'],
  [
    'several things are wrong',
    true,
    [away, wrong, garbage],
    'feed a: Services cannot be followed [KUBERNETES_UNREACHABLE] (/readyz has 1 more)',
  ],
  ['a file cannot be read', true, [unreadable], 'feed a: /m.yaml:1:1: EACCES [FILE_UNREADABLE]'],
] as const;
for (const [name, synced, problems, notice] of rows)
  test(name, () => assert.equal(feedNotice({ name: 'a', synced, problems }), notice));

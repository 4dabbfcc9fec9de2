import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { parseLabelSelector } from '../../src/admin/label-selector.ts';

/** Which of these the selector means. */
const objects = {
  web: { run: 'web', tier: 'front' },
  api: { run: 'api', 'app.kubernetes.io/name': 'api' },
  bare: {},
  empty: { run: '' },
};

function meant(selector: string): string {
  const result = parseLabelSelector(selector);
  if (result.kind === 'invalid') return 'invalid';
  return Object.entries(objects)
    .filter(([, labels]) => result.matches(labels))
    .map(([name]) => name)
    .join(' ');
}

const rows: [selector: string, expected: string][] = [
  ['', 'web api bare empty'],
  ['run=web', 'web'],
  ['run==web', 'web'],
  [' run = web ', 'web'],
  ['run!=web', 'api bare empty'],
  ['run=', 'empty'],
  ['run', 'web api empty'],
  ['!run', 'bare'],
  ['run in (web, api)', 'web api'],
  ['run in (web,)', 'web empty'],
  ['run notin (web,api)', 'bare empty'],
  ['run,tier!=front', 'api empty'],
  ['run in (web,api),!tier', 'api'],
  ['app.kubernetes.io/name=api', 'api'],
  ['toString', ''],
  ['constructor!=x', 'web api bare empty'],
];

describe('label selectors', () => {
  for (const [selector, expected] of rows) test(selector || '(empty)', () => assert.equal(meant(selector), expected));
});

const wrong = [
  '=',
  '=web',
  'run=web,',
  'run=a=b',
  'run in web',
  'run in (',
  'run in (a',
  'run of (a)',
  'a b',
  '-run',
  'run=<b>',
];

describe('what is no label selector', () => {
  for (const selector of wrong) test(selector, () => assert.equal(meant(selector), 'invalid'));
});

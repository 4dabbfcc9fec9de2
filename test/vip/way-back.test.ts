import assert from 'node:assert/strict';
import { test } from 'node:test';
import { hasWayBack } from '../../src/vip/way-back.ts';
import { FakePrograms, failing } from './support.ts';

const rules = (...marked: readonly string[]) =>
  JSON.stringify([{ src: 'all', table: 'local' }, ...marked.map((table) => ({ src: 'all', fwmark: '0x1', table }))]);
const local = JSON.stringify([{ type: 'local', dst: 'default', dev: 'lo' }]);
const remote = JSON.stringify([{ dst: 'default', gateway: '192.0.2.1' }]);

const rows: readonly [string, Readonly<Record<string, string>>, boolean][] = [
  ['no rule for a mark', { 'ip -j -4 rule show': rules() }, false],
  [
    'a table whose default route is local',
    { 'ip -j -4 rule show': rules('736'), 'ip -j -4 route show table 736': local },
    true,
  ],
  ['one whose is not', { 'ip -j -4 rule show': rules('736'), 'ip -j -4 route show table 736': remote }, false],
  ['an empty one', { 'ip -j -4 rule show': rules('736'), 'ip -j -4 route show table 736': '' }, false],
  [
    'the second of two',
    {
      'ip -j -4 rule show': rules('7', '8'),
      'ip -j -4 route show table 7': remote,
      'ip -j -4 route show table 8': local,
    },
    true,
  ],
];
for (const [name, answers, expected] of rows) {
  test(name, async () => {
    const programs = new FakePrograms();
    for (const [command, stdout] of Object.entries(answers)) programs.answers.set(command, { kind: 'ok', stdout });
    assert.equal(await hasWayBack(programs.run, '-4'), expected);
  });
}

test('where ip does not say, or in words that are not understood, nobody knows', async () => {
  const programs = new FakePrograms();
  programs.answers.set('ip', failing('ip', '', true));
  assert.equal(await hasWayBack(programs.run, '-6'), undefined);
  programs.answers.set('ip', { kind: 'ok', stdout: '{' });
  assert.equal(await hasWayBack(programs.run, '-6'), undefined);
});

import assert from 'node:assert/strict';
import { test } from 'node:test';
import { forgetUdp, rememberedUdp } from '../../src/vip/conntrack.ts';
import { FakePrograms, failing } from './support.ts';

const listing = `udp      17 22 src=172.17.0.3 dst=10.96.0.1 sport=4000 dport=53 src=169.254.115.108 dst=172.17.0.3 sport=10001 dport=4000 mark=0 use=1
udp      17 22 src=172.17.0.4 dst=10.96.0.1 sport=4001 dport=53 [UNREPLIED] src=169.254.115.108 dst=172.17.0.4 sport=10001 dport=4001 mark=0 use=1
udp      17 22 src=172.17.0.4 dst=10.96.0.7 sport=4001 dport=53 src=10.96.0.1 dst=172.17.0.4 sport=53 dport=4001 mark=0 use=1
`;
const dns = { address: '10.96.0.1', port: 53 };
const six = { address: 'fd00::1', port: 53 };

test('an entry counts by what its client wrote, once', () => {
  assert.deepEqual(rememberedUdp(listing, [dns, { address: '172.17.0.3', port: 4000 }, { ...dns, port: 54 }]), [dns]);
  assert.deepEqual(rememberedUdp('', [dns]), []);
});

test('IPv6 is compared in its canonical form', () => {
  assert.deepEqual(rememberedUdp('udp 17 2 src=fd00::9 dst=fd00:0:0:0:0:0:0:1 sport=1 dport=53 src=', [six]), [six]);
});

test('what is remembered is deleted, and nothing is asked where nothing moved', async () => {
  const programs = new FakePrograms();
  programs.answers.set('conntrack -L', listing);
  assert.deepEqual(await forgetUdp(programs.run, []), []);
  assert.deepEqual(programs.commands, []);
  assert.deepEqual(await forgetUdp(programs.run, [dns]), []);
  assert.deepEqual(programs.commands, [
    'conntrack -L -f ipv4 -p udp',
    'conntrack -D -f ipv4 -p udp --orig-dst 10.96.0.1 --orig-port-dst 53',
  ]);
});

const rows: readonly [string, string, ReturnType<typeof failing>, readonly string[]][] = [
  ['the program is missing', 'conntrack -L', failing('conntrack', '', true), ['VIP_PROGRAM_MISSING']],
  [
    'an entry that is gone already is fine',
    'conntrack -D',
    failing('conntrack', 'v1: 0 flow entries have been deleted.'),
    [],
  ],
  ['any other failure', 'conntrack -D', failing('conntrack', 'Operation not permitted'), ['VIP_COMMAND_FAILED']],
];
for (const [name, command, answer, codes] of rows) {
  test(name, async () => {
    const programs = new FakePrograms();
    programs.answers.set(command, answer);
    programs.answers.set('conntrack -L', command === 'conntrack -L' ? answer : listing);
    assert.deepEqual(
      (await forgetUdp(programs.run, [dns])).map(({ code }) => code),
      codes,
    );
  });
}

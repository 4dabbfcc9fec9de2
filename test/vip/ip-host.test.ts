import assert from 'node:assert/strict';
import { test } from 'node:test';
import { emptyHost } from '../../src/vip/host.ts';
import { IpHost, readAddresses, readRoutes } from '../../src/vip/ip-host.ts';
import { ip } from '../support/model.ts';
import { FakePrograms, failing } from './support.ts';

const listing = JSON.stringify([
  {
    ifname: 'lo',
    addr_info: [
      { family: 'inet', local: '127.0.0.1', prefixlen: 8 },
      { family: 'inet', local: '10.96.0.1', prefixlen: 32, metric: 377_292 },
      { family: 'inet6', local: 'fd00::1', prefixlen: 128, metric: 377_292 },
      { family: 'inet', local: '10.96.0.0', prefixlen: 24, metric: 377_292 },
    ],
  },
  { ifname: 'tun0', addr_info: [{}, { prefixlen: 32 }].slice(1) },
  {},
]);

test('ours is what has the mark and is the address of one host', () => {
  const ours = readAddresses(listing).filter((one) => one.ours);
  assert.deepEqual(
    ours.map(({ address }) => address),
    ['10.96.0.1', 'fd00::1'],
  );
  assert.equal(readAddresses(listing).length, 4);
  assert.deepEqual(readAddresses(''), []);
});

test('a route to one address gets its prefix length', () => {
  assert.deepEqual(readRoutes(JSON.stringify([{ dst: '10.96.0.0/12' }, { dst: '10.0.0.1' }, { dst: 'fd00::1' }])), [
    '10.96.0.0/12',
    '10.0.0.1/32',
    'fd00::1/128',
  ]);
});

const desired = {
  ...emptyHost,
  addresses: new Set([ip('10.96.0.1'), ip('10.96.0.2')]),
  routes: new Set(['10.97.0.0/16']),
};

test('the differences go in one batch, on standard input', async () => {
  const programs = new FakePrograms();
  programs.answers.set('ip -j address', listing);
  const applied = await new IpHost(programs.run).sync(desired);
  assert.deepEqual(applied, { changes: 3, problems: [] });
  assert.deepEqual(programs.calls.at(-1), {
    command: 'ip -force -batch -',
    input:
      'address add 10.96.0.2/32 dev lo metric 377292\nroute add local 10.97.0.0/16 dev lo proto 92\naddress delete fd00::1/128 dev lo\n',
  });
});

test('nothing is run where nothing differs', async () => {
  const programs = new FakePrograms();
  programs.answers.set('ip -j address', listing);
  const same = { ...emptyHost, addresses: new Set([ip('10.96.0.1'), ip('fd00::1')]) };
  assert.deepEqual(await new IpHost(programs.run).sync(same), { changes: 0, problems: [] });
  assert.ok(
    programs.commands.every((command) => command.startsWith('ip -')),
    'it only reads',
  );
  assert.ok(!programs.commands.some((command) => command.includes('-batch')));
});

test('each line that fails is a problem with its command and what ip said', async () => {
  const programs = new FakePrograms();
  const said = 'RTNETLINK answers: Operation not permitted\nCommand failed -:1\nError: no\nCommand failed -:3';
  programs.answers.set('ip -force', failing('ip', said));
  const { problems } = await new IpHost(programs.run).sync(desired);
  assert.deepEqual(
    problems.map(({ message }) => message),
    [
      '"ip address add 10.96.0.1/32 dev lo metric 377292" failed: RTNETLINK answers: Operation not permitted; it needs CAP_NET_ADMIN, see sluice doctor',
      '"ip route add local 10.97.0.0/16 dev lo proto 92" failed: Error: no; see sluice doctor',
    ],
  );
});

test('what fails for one cause is one problem', async () => {
  const programs = new FakePrograms();
  const said = [1, 2, 3].map((line) => `RTNETLINK answers: No buffer space available\nCommand failed -:${line}`);
  programs.answers.set('ip -force', failing('ip', said.join('\n')));
  const { problems } = await new IpHost(programs.run).sync(desired);
  assert.deepEqual(
    problems.map(({ message }) => message),
    [
      '"ip address add 10.96.0.1/32 dev lo metric 377292" failed: RTNETLINK answers: No buffer space available (and 2 more like it); see sluice doctor',
    ],
  );
});

const rows: readonly [string, string | ReturnType<typeof failing>, string][] = [
  ['a missing program', failing('ip', '', true), 'VIP_PROGRAM_MISSING'],
  ['output that is no JSON', 'what?', 'VIP_COMMAND_OUTPUT'],
  ['output of another shape', '{}', 'VIP_COMMAND_OUTPUT'],
  ['a batch that says nothing of lines', failing('ip', 'killed'), 'VIP_COMMAND_FAILED'],
];
for (const [name, answer, code] of rows) {
  test(`${name} is a problem`, async () => {
    const programs = new FakePrograms();
    programs.answers.set(code === 'VIP_COMMAND_FAILED' ? 'ip -force' : 'ip -j address', answer);
    const { problems } = await new IpHost(programs.run).sync(desired);
    assert.deepEqual(
      problems.map((problem) => problem.code),
      [code],
    );
  });
}

test('a family without a table of routes has none', async () => {
  const programs = new FakePrograms();
  programs.answers.set('ip -6', failing('ip', 'Error: ipv6: FIB table does not exist.\nDump terminated'));
  assert.deepEqual(await new IpHost(programs.run).sync(emptyHost), { changes: 0, problems: [] });
  programs.answers.set('ip -6', failing('ip', 'Operation not permitted'));
  assert.equal((await new IpHost(programs.run).sync(emptyHost)).problems.length, 1);
});

test('ours are the addresses that nobody else has', async () => {
  const programs = new FakePrograms();
  const [here, foreign] = ['10.96.0.1', '10.0.0.1'].map(ip);
  const lo = [
    { local: here, prefixlen: 32, metric: 377_292 },
    { local: foreign, prefixlen: 24 },
  ];
  programs.answers.set('ip -j address', JSON.stringify([{ ifname: 'lo', addr_info: lo }]));
  const host = new IpHost(programs.run);
  await host.sync({ ...emptyHost, addresses: new Set([ip('10.96.0.1'), ip('10.0.0.1'), ip('10.96.0.2')]) });
  assert.deepEqual([...host.ours], ['10.96.0.1', '10.96.0.2']);
});

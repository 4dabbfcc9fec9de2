import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frontendKey } from '../../src/model/keys.ts';
import { cleanUp, hostParts } from '../../src/vip/cleanup.ts';
import { emptyHost, type HostState, type Redirection } from '../../src/vip/host.ts';
import { relayAddresses } from '../../src/vip/layout.ts';
import { frameOf } from '../../src/vip/nft-frame.ts';
import { NftHost } from '../../src/vip/nft-host.ts';
import { ip } from '../support/model.ts';
import { FakeClaim, FakePrograms, failing } from './support.ts';

const dns: Redirection = { protocol: 'UDP', address: ip('10.96.0.1'), port: 53, reach: 'inside', to: 10_000 };
const redirections = new Map([[frontendKey('UDP', dns.address, 53), dns]]);
const desired: HostState = { ...emptyHost, redirect: { via: 'dnat', relay: relayAddresses, from: [], redirections } };
const noTable = failing('nft', 'Error: No such file or directory\nlist table inet sluice');

/** What nft says of the table that is `desired`. */
const made = JSON.stringify({
  nftables: frameOf({ via: 'dnat', relay: relayAddresses, from: [], redirections }).map((object) => {
    const { map } = object as { map?: { name: string } };
    const elem = [[{ concat: ['10.96.0.1', 'udp', 53] }, 10_000]];
    return map?.name === 'inside4' ? { map: { ...map, elem } } : object;
  }),
});

test('everything is one transaction on standard input; then UDP clients are forgotten', async () => {
  const programs = new FakePrograms();
  programs.answers.set('nft -j list', noTable);
  const { changes, problems } = await new NftHost(programs.run).sync(desired);
  assert.ok(changes > 0);
  assert.deepEqual(problems, []);
  assert.deepEqual(programs.commands, ['nft -j list table inet sluice', 'nft -j -f -', 'conntrack -L -f ipv4 -p udp']);
  const { nftables } = JSON.parse(programs.calls[1]?.input ?? '');
  assert.equal(nftables.length, changes);
});

const failures: readonly [string, string, ReturnType<typeof failing> | string, string][] = [
  ['a transaction that fails', 'nft -j -f', failing('nft', 'Operation not permitted'), 'VIP_COMMAND_FAILED'],
  ['a missing program', 'nft -j list', failing('nft', '', true), 'VIP_PROGRAM_MISSING'],
  ['a kernel without nftables', 'nft -j list', failing('nft', 'Protocol not supported'), 'VIP_COMMAND_FAILED'],
  ['output that is not understood', 'nft -j list', '{}', 'VIP_COMMAND_OUTPUT'],
];
for (const [name, command, answer, code] of failures) {
  test(`${name} is a problem where VIPs are redirected`, async () => {
    const programs = new FakePrograms();
    programs.answers.set(command, answer);
    programs.answers.set('nft -j list', noTable);
    if (command === 'nft -j list') programs.answers.set(command, answer);
    const { problems } = await new NftHost(programs.run).sync(desired);
    assert.deepEqual(
      problems.map((problem) => problem.code),
      [code],
    );
  });
}

test('whether any VIP is redirected is known, also after a failure', async () => {
  const programs = new FakePrograms();
  programs.answers.set('nft -j list', noTable);
  const nft = new NftHost(programs.run);
  assert.equal(nft.hasTable, false);
  await nft.sync(desired);
  assert.equal(nft.hasTable, true);
  programs.answers.set('nft -j list', failing('nft', 'killed'));
  await nft.sync(desired);
  assert.equal(nft.hasTable, true, 'nobody has removed it');
  programs.answers.set('nft -j list', noTable);
  programs.answers.set('nft -j -f', failing('nft', 'Operation not permitted'));
  await nft.sync(desired);
  assert.equal(nft.hasTable, false, 'somebody has');
});

test('UDP clients that could not be forgotten are forgotten later', async () => {
  const programs = new FakePrograms();
  programs.answers.set('nft -j list', noTable);
  programs.answers.set('conntrack', failing('conntrack', '', true));
  const nft = new NftHost(programs.run);
  assert.equal((await nft.sync(desired)).problems.length, 1);
  programs.answers.set('nft -j list', made);
  const again = await nft.sync(desired);
  assert.deepEqual([again.changes, again.problems.length], [0, 1], 'it is a problem for as long as it is one');
  programs.answers.set('conntrack', '');
  programs.calls.length = 0;
  assert.deepEqual(await nft.sync(desired), { changes: 0, problems: [] });
  assert.ok(programs.commands.includes('conntrack -L -f ipv4 -p udp'));
});

const without: readonly [string, ReturnType<typeof failing>, number][] = [
  ['no table', noTable, 0],
  ['no program', failing('nft', '', true), 0],
  ['no nftables in the kernel', failing('nft', 'cache initialization failed: Protocol not supported'), 0],
  ['no permission to look', failing('nft', 'Operation not permitted (you must be root)'), 1],
];
for (const [name, answer, count] of without) {
  test(`where nothing is redirected: ${name}`, async () => {
    const programs = new FakePrograms();
    programs.answers.set('nft', answer);
    const { changes, problems } = await new NftHost(programs.run).sync(emptyHost);
    assert.equal(changes, 0);
    assert.equal(problems.length, count);
  });
}

test('cleaning up deletes the table and the addresses', async () => {
  const programs = new FakePrograms();
  const marked = { local: '10.96.0.1', prefixlen: 32, metric: 377_292 };
  programs.answers.set('ip -j address', JSON.stringify([{ ifname: 'lo', addr_info: [marked] }]));
  programs.answers.set('nft -j list', JSON.stringify({ nftables: [] }));
  assert.deepEqual(await cleanUp(hostParts(programs.run), new FakeClaim()), { changes: 2, problems: [] });
  assert.deepEqual(
    programs.calls.filter(({ input }) => input !== '').map(({ input }) => input),
    ['address delete 10.96.0.1/32 dev lo\n', '{"nftables":[{"delete":{"table":{"family":"inet","name":"sluice"}}}]}'],
  );
});

const moved = (to: number): HostState => {
  const web: Redirection = { ...dns, protocol: 'TCP', port: 80, to };
  return {
    ...emptyHost,
    redirect: {
      via: 'dnat',
      relay: relayAddresses,
      from: [],
      redirections: new Map([[frontendKey('TCP', web.address, 80), web]]),
    },
  };
};

test('another state is compared with the last one, the same again with the host', async () => {
  const programs = new FakePrograms();
  programs.answers.set('nft -j list', noTable);
  const nft = new NftHost(programs.run);
  await nft.sync(moved(10_000));
  programs.calls.length = 0;
  const next = moved(10_001);
  assert.deepEqual(await nft.sync(next), { changes: 2, problems: [] });
  assert.deepEqual(programs.commands, ['nft -j -f -']);
  await nft.sync(next);
  assert.deepEqual(
    programs.commands.slice(1),
    ['nft -j list table inet sluice', 'nft -j -f -'],
    'somebody had removed it',
  );
});

test('a transaction that fails, as the host was changed meanwhile, is made from what is there', async () => {
  const programs = new FakePrograms();
  programs.answers.set('nft -j list', noTable);
  const nft = new NftHost(async (program, words, input = '') => {
    const isChange = input.includes('"delete":{"element"');
    return isChange ? failing('nft', 'No such file or directory') : programs.run(program, words, input);
  });
  await nft.sync(moved(10_000));
  const { problems } = await nft.sync(moved(10_001));
  assert.deepEqual(problems, []);
  assert.match(programs.calls.at(-1)?.input ?? '', /"add":\{"table"/);
});

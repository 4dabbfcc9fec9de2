import assert from 'node:assert/strict';
import { test } from 'node:test';
import { frontendKey } from '../../src/model/keys.ts';
import { emptyHost, type HostState, type Redirection } from '../../src/vip/host.ts';
import { relayAddresses } from '../../src/vip/layout.ts';
import { MarkHost } from '../../src/vip/mark-host.ts';
import { type MarkedRouting, markedFamilies, planMarked } from '../../src/vip/mark-plan.ts';
import { ip } from '../support/model.ts';
import { FakePrograms, failing } from './support.ts';

function hostWith(via: 'dnat' | 'tproxy', ...vips: readonly (readonly ['TCP' | 'UDP', string])[]): HostState {
  const redirections = vips.map(([protocol, vip]): [ReturnType<typeof frontendKey>, Redirection] => {
    const address = ip(vip);
    return [frontendKey(protocol, address, 80), { protocol, address, port: 80, reach: 'inside', to: 10_000 }];
  });
  return { ...emptyHost, redirect: { via, relay: relayAddresses, from: [], redirections: new Map(redirections) } };
}

const families: readonly [string, HostState, string][] = [
  ['dnat needs none', hostWith('dnat', ['TCP', '10.96.0.1']), ''],
  ['tproxy, IPv4', hostWith('tproxy', ['TCP', '10.96.0.1']), 'IPv4'],
  ['tproxy, both', hostWith('tproxy', ['TCP', '10.96.0.1'], ['TCP', 'fd00::1']), 'IPv4,IPv6'],
  ['UDP is translated all the same', hostWith('tproxy', ['TCP', '10.96.0.1'], ['UDP', 'fd00::1']), 'IPv4'],
  ['nothing is redirected', emptyHost, ''],
];
for (const [name, host, expected] of families) {
  test(name, () => assert.equal([...markedFamilies(host)].sort().join(), expected));
}

const [addRule, addRoute] = [
  'rule add fwmark 0x736c lookup 377292 priority 3772',
  'route add local default dev lo table 377292',
];
const plans: readonly [boolean, MarkedRouting, readonly string[]][] = [
  [true, { rule: false, route: false }, [addRoute, addRule]],
  [true, { rule: true, route: false }, [addRoute]],
  [true, { rule: false, route: true }, [addRule]],
  [true, { rule: true, route: true }, []],
  [false, { rule: false, route: false }, []],
  [false, { rule: true, route: true }, [addRule, addRoute].map((line) => line.replace('add', 'delete'))],
  [false, { rule: false, route: true }, [addRoute.replace('add', 'delete')]],
];
for (const [desired, actual, lines] of plans) {
  test(`${desired ? 'wanted' : 'not wanted'}, and there is ${JSON.stringify(actual)}`, () => {
    assert.deepEqual(planMarked(desired, actual), lines);
  });
}

const rule = JSON.stringify([{ priority: 3_772, src: 'all', fwmark: '0x736c', table: '377292' }]);
const route = JSON.stringify([{ type: 'local', dst: 'default', dev: 'lo', scope: 'host', flags: [] }]);
const batches = (programs: FakePrograms) => programs.calls.filter(({ command }) => command.includes('-batch'));

test('what is missing goes in a batch of its family; what is there stays', async () => {
  const programs = new FakePrograms();
  programs.answers.set('ip -j -4 rule', rule).set('ip -j -4 route', route);
  programs.answers.set('ip -j -6 route', failing('ip', 'Error: ipv6: FIB table does not exist.'));
  const both = hostWith('tproxy', ['TCP', '10.96.0.1'], ['TCP', 'fd00::1']);
  assert.deepEqual(await new MarkHost(programs.run).sync(both), { changes: 2, problems: [] });
  assert.deepEqual(batches(programs), [{ command: 'ip -6 -batch -', input: `${addRoute}\n${addRule}\n` }]);
});

test('what a crash left goes; who has nothing is looked at once', async () => {
  const programs = new FakePrograms();
  programs.answers.set('ip -j -4 rule', rule).set('ip -j -4 route', route);
  const host = new MarkHost(programs.run);
  assert.equal((await host.sync(emptyHost)).changes, 2);
  assert.match(batches(programs)[0]?.input ?? '', /^rule delete .*\nroute delete /);
  const before = programs.calls.length;
  assert.deepEqual(await host.sync(emptyHost), { changes: 0, problems: [] });
  assert.equal(programs.calls.length, before);
});

const failures: readonly [string, string, ReturnType<typeof failing> | string, string][] = [
  ['ip is missing', 'ip', failing('ip', '', true), 'VIP_PROGRAM_MISSING'],
  ['it prints something else', 'ip -j -4 rule', '{', 'VIP_COMMAND_OUTPUT'],
  ['it may not', 'ip -4 -batch', failing('ip', 'Operation not permitted'), 'VIP_COMMAND_FAILED'],
];
for (const [name, command, answer, code] of failures) {
  test(name, async () => {
    const programs = new FakePrograms();
    programs.answers.set(command, answer);
    const { problems } = await new MarkHost(programs.run).sync(hostWith('tproxy', ['TCP', '10.96.0.1']));
    assert.equal(problems[0]?.code, code);
  });
}

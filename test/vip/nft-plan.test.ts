import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { familyOf } from '../../src/model/address.ts';
import { frontendKey } from '../../src/model/keys.ts';
import type { Redirect, Redirection } from '../../src/vip/host.ts';
import { relayAddresses } from '../../src/vip/layout.ts';
import { frameOf, type NftObject } from '../../src/vip/nft-frame.ts';
import { type ActualTable, identify, planNft } from '../../src/vip/nft-plan.ts';
import { readTable } from '../../src/vip/nft-read.ts';
import { ip } from '../support/model.ts';

const redirectionArb: fc.Arbitrary<Redirection> = fc.record({
  protocol: fc.constantFrom('TCP', 'UDP'),
  address: fc.constantFrom(...['10.96.0.1', '10.96.0.2', 'fd00::1'].map(ip)),
  port: fc.constantFrom(53, 80),
  reach: fc.constantFrom('inside', 'everybody'),
  to: fc.integer({ min: 10_000, max: 10_002 }),
});

function redirectOf(
  list: readonly Redirection[],
  from: readonly string[] = [],
  via: Redirect['via'] = 'dnat',
): Redirect {
  const redirections = new Map(list.map((one) => [frontendKey(one.protocol, one.address, one.port), one]));
  return { via, relay: relayAddresses, from, redirections };
}

const redirectArb = fc
  .tuple(
    fc.array(redirectionArb, { maxLength: 8 }),
    fc.subarray(['10.244.0.0/16', 'fd00::/64']),
    fc.constantFrom('dnat' as const, 'tproxy' as const),
  )
  .map((all) => redirectOf(...all));

type Objects = { kind: string; value: Record<string, unknown> }[];

/** What nft(8) makes of the commands: the objects that it would list. Throws where the kernel would say no. */
function apply(commands: readonly NftObject[], before: Objects | undefined): Objects | undefined {
  let objects = before;
  for (const command of commands) {
    const [[verb, object] = ['', {}]] = Object.entries(command) as [string, Record<string, unknown>][];
    const [[kind, value] = ['', {}]] = Object.entries(object) as [string, Record<string, unknown>][];
    if (kind === 'table') objects = verb === 'add' ? (objects ?? []) : undefined;
    else if (kind === 'element') change(objects ?? assert.fail('no table'), verb, value);
    else (objects ?? assert.fail('no table')).push({ kind, value: { ...value } });
  }
  return objects;
}

function change(objects: Objects, verb: string, { name, elem }: Record<string, unknown>): void {
  const map = objects.find(({ kind, value }) => kind === 'map' && value.name === name) ?? assert.fail(`no map ${name}`);
  const elements = new Map(((map.value.elem ?? []) as unknown[][]).map((item) => [JSON.stringify(item[0]), item]));
  for (const item of elem as unknown[]) {
    const key = JSON.stringify(verb === 'add' ? (item as unknown[])[0] : item);
    if (verb === 'add') assert.ok(!elements.has(key) && elements.set(key, item as unknown[]), `${key} is there`);
    else assert.ok(elements.delete(key), `${key} is not there`);
  }
  map.value.elem = [...elements.values()];
}

function listing(objects: Objects): string {
  const list = objects.map(({ kind, value }) => ({ [kind]: { ...value, handle: 7 } }));
  return JSON.stringify({ nftables: [{ metainfo: {} }, { table: { name: 'sluice' } }, ...list] });
}

const read = (objects: Objects | undefined): ActualTable | undefined => objects && readTable(listing(objects));

test('law: what is applied is what was desired, from nothing and from anything else', () => {
  fc.assert(
    fc.property(fc.option(redirectArb, { nil: undefined }), redirectArb, (first, second) => {
      const before = apply(planNft(first, undefined).commands, undefined);
      const after = apply(planNft(second, read(before)).commands, before);
      const fresh = read(apply(planNft(second, undefined).commands, undefined));
      assert.deepEqual(read(after), fresh);
      assert.deepEqual(planNft(second, read(after)), { commands: [], movedUdp: [] }, 'nothing is left to do');
      assert.equal(read(apply(planNft(undefined, read(after)).commands, after)), undefined);
    }),
  );
});

test('law: every redirection is in the map of its family and reach', () => {
  fc.assert(
    fc.property(redirectArb, (redirect) => {
      const table = read(apply(planNft(redirect, undefined).commands, undefined));
      let count = 0;
      for (const { protocol, address, port, reach, to } of redirect.redirections.values()) {
        const name = `${reach === 'inside' ? 'inside' : 'open'}${familyOf(address) === 'IPv4' ? 4 : 6}`;
        assert.equal(table?.elements.get(name)?.get(`${address} . ${protocol.toLowerCase()} . ${port}`), to);
      }
      for (const elements of table?.elements.values() ?? []) count += elements.size;
      assert.equal(count, redirect.redirections.size);
    }),
  );
});

const web: Redirection = { protocol: 'TCP', address: ip('10.96.0.1'), port: 80, reach: 'inside', to: 10_000 };
const dns: Redirection = { ...web, protocol: 'UDP', port: 53, to: 10_001 };
const made = (redirect: Redirect) => apply(planNft(redirect, undefined).commands, undefined) ?? [];

test('a change of elements leaves the frame alone', () => {
  const { commands } = planNft(redirectOf([web]), read(made(redirectOf([{ ...web, to: 10_009 }]))));
  assert.deepEqual(
    commands.map((command) => Object.keys(command)[0]),
    ['delete', 'add'],
  );
  for (const command of commands) assert.deepEqual(Object.keys(Object.values(command)[0] as object), ['element']);
});

test('nothing is touched where nobody wants anything and nothing is there', () => {
  assert.deepEqual(planNft(undefined, undefined).commands, []);
});

const harm: readonly [string, (objects: Objects) => void][] = [
  [
    'a rule that is gone',
    (objects) =>
      objects.splice(
        objects.findIndex(({ kind }) => kind === 'rule'),
        1,
      ),
  ],
  [
    'a rule in another place',
    (objects) =>
      objects.push(
        ...objects.splice(
          objects.findIndex(({ kind }) => kind === 'rule'),
          1,
        ),
      ),
  ],
  ['a rule of somebody else', (objects) => objects.push({ kind: 'rule', value: { chain: 'open', expr: [] } })],
  [
    'a chain of another priority',
    (objects) => Object.assign(objects.find(({ value }) => value.prio)?.value ?? {}, { prio: 5 }),
  ],
  [
    'an element of another form',
    (objects) => Object.assign(objects[0]?.value ?? {}, { elem: [[{ range: [1, 2] }, 3]] }),
  ],
];
for (const [name, spoil] of harm) {
  test(`${name}: the table is made anew`, () => {
    const objects = made(redirectOf([web]));
    spoil(objects);
    const { commands } = planNft(redirectOf([web]), read(objects));
    assert.deepEqual(
      commands.slice(0, 3).map((command) => Object.keys(command)[0]),
      ['add', 'delete', 'add'],
    );
    assert.deepEqual(read(apply(commands, objects)), read(made(redirectOf([web]))));
  });
}

const moves: readonly [string, readonly Redirection[], readonly Redirection[], number][] = [
  ['a new one', [], [dns], 1],
  ['one that is gone', [dns], [], 1],
  ['one with another port of the relay', [dns], [{ ...dns, to: 10_002 }], 2],
  ['one that stays', [dns, web], [dns], 0],
  ['TCP', [], [web], 0],
];
for (const [name, before, after, count] of moves) {
  test(`the kernel is to forget UDP clients of: ${name} (${count})`, () => {
    const { movedUdp } = planNft(redirectOf(after), read(made(redirectOf(before))));
    assert.equal(movedUdp.length, count);
    for (const one of movedUdp) assert.deepEqual(one, { address: '10.96.0.1', port: 53 });
  });
}

test('the kernel is to forget all UDP clients of a table that goes', () => {
  const { commands, movedUdp } = planNft(undefined, read(made(redirectOf([dns, web]))));
  assert.equal(commands.length, 1);
  assert.deepEqual(movedUdp, [{ address: '10.96.0.1', port: 53 }]);
});

test('protocols may be shown as numbers', () => {
  const elem = [[{ concat: ['10.96.0.1', 6, 80] }, 10_000]];
  const json = JSON.stringify({ nftables: [{ map: { name: 'inside4', elem } }] });
  assert.deepEqual([...(readTable(json).elements.get('inside4') ?? [])], [['10.96.0.1 . tcp . 80', 10_000]]);
});

test('only what is inside asks where a client is from', () => {
  const rules = frameOf(redirectOf([], ['10.244.0.0/16'])).filter((object) => 'rule' in object);
  const text = JSON.stringify(rules.filter((object) => (object.rule as { chain: string }).chain === 'prerouting'));
  assert.match(text, /^\[[^[]*\[\{"jump":\{"target":"open"\}\}\].*"10\.244\.0\.0","len":16.*"target":"inside"/);
  assert.equal(identify(rules).length, rules.length);
});

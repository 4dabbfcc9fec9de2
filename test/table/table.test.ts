import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { Problem } from '../../src/base/errors.ts';
import type { FeedState } from '../../src/model/feed-state.ts';
import { defaultSettings } from '../../src/model/settings.ts';
import type { Snapshot } from '../../src/model/snapshot.ts';
import { Table } from '../../src/table/table.ts';
import { service, settingsWith, slice } from '../support/model.ts';

/** A table whose tasks run when the test says so, and what it published. */
class Bench {
  readonly published: Snapshot[] = [];
  readonly problems: (readonly Problem[])[] = [];
  readonly table: Table;
  #tasks: (() => void)[] = [];

  constructor() {
    this.table = new Table({
      settings: defaultSettings,
      onSnapshot: (snapshot) => this.published.push(snapshot),
      onProblems: (problems) => this.problems.push(problems),
      schedule: (task) => this.#tasks.push(task),
    });
  }

  /** Runs what was scheduled; returns how many tasks that was. */
  tick(): number {
    const tasks = this.#tasks;
    this.#tasks = [];
    for (const task of tasks) task();
    return tasks.length;
  }

  get frontends(): string[] {
    return [...this.table.snapshot.frontends.keys()].toSorted();
  }
}

const web = (name: string, vip: string, backend = '127.1.0.1'): FeedState => ({
  services: [service(name, [vip])],
  slices: [slice(name, name, [backend])],
});
const none: FeedState = { services: [], slices: [] };
const problem: Problem = { code: 'TEST', message: 'something is wrong' };

test('nothing is published before open, everything at once then', () => {
  const bench = new Bench();
  const [one, two] = [bench.table.feed('one', 0), bench.table.feed('two', 1)];
  one.sync(web('a', '127.9.0.1'));
  two.sync(web('b', '127.9.0.2'));
  assert.equal(bench.tick(), 0);
  assert.equal(bench.table.snapshot.version, 0);
  bench.table.open();
  assert.deepEqual(bench.frontends, ['127.9.0.1:80/TCP', '127.9.0.2:80/TCP']);
  assert.equal(bench.published.length, 1);
  assert.equal(bench.published[0], bench.table.snapshot);
});

test('an empty table publishes nothing', () => {
  const bench = new Bench();
  bench.table.feed('one', 0).sync(none);
  bench.table.open();
  assert.equal(bench.published.length, 0);
});

test('re-delivering the same state, or an equal one, changes and publishes nothing', () => {
  const bench = new Bench();
  const feed = bench.table.feed('one', 0);
  const state = web('a', '127.9.0.1');
  feed.sync(state);
  bench.table.open();
  const { snapshot } = bench.table;
  for (const again of [state, web('a', '127.9.0.1')]) {
    feed.sync(again);
    bench.tick();
    assert.equal(bench.table.snapshot, snapshot);
  }
  assert.equal(bench.published.length, 1);
});

test('a burst costs one build', () => {
  const bench = new Bench();
  const [one, two] = [bench.table.feed('one', 0), bench.table.feed('two', 1)];
  bench.table.open();
  for (let host = 1; host < 100; host += 1) one.sync(web('a', '127.9.0.1', `127.1.0.${host}`));
  two.sync(web('b', '127.9.0.2'));
  assert.equal(bench.tick(), 1);
  assert.equal(bench.published.length, 1);
  assert.equal(bench.table.snapshot.version, 1);
  one.sync(none);
  assert.equal(bench.tick(), 1);
  assert.deepEqual(bench.frontends, ['127.9.0.2:80/TCP']);
});

test('ready: every registered feed has had its first sync', () => {
  const bench = new Bench();
  const [one, two] = [bench.table.feed('one', 0), bench.table.feed('two', 1)];
  assert.equal(bench.table.ready, false);
  one.sync(none);
  bench.table.open();
  two.report([problem]);
  assert.equal(bench.table.ready, false);
  two.sync(none);
  assert.equal(bench.table.ready, true);
});

test('a feed that has not synced does not hold back the others', () => {
  const bench = new Bench();
  bench.table.feed('slow', 0);
  bench.table.feed('quick', 1).sync(web('a', '127.9.0.1'));
  bench.table.open();
  assert.deepEqual(bench.frontends, ['127.9.0.1:80/TCP']);
});

test('the order of feeds, not of their registration, decides who wins', () => {
  const bench = new Bench();
  bench.table.feed('second', 2).sync(web('b', '127.9.0.1'));
  bench.table.feed('first', 1).sync(web('a', '127.9.0.1'));
  bench.table.open();
  assert.deepEqual(
    [...bench.table.snapshot.frontends.values()].map(({ servicePort }) => servicePort.name),
    ['a'],
  );
  assert.deepEqual(
    bench.table.problems().map(({ code }) => code),
    ['TABLE_VIP_CONFLICT'],
  );
});

test('a removed feed takes its objects and problems along, and is not heard any more', () => {
  const bench = new Bench();
  const [one, two] = [bench.table.feed('one', 0), bench.table.feed('two', 1)];
  one.sync(web('a', '127.9.0.1'));
  two.sync(web('b', '127.9.0.2'));
  two.report([problem]);
  bench.table.open();
  two.remove();
  two.sync(web('c', '127.9.0.3'));
  two.report([problem, problem]);
  bench.tick();
  assert.deepEqual(bench.frontends, ['127.9.0.1:80/TCP']);
  assert.deepEqual(bench.table.problems(), []);
  assert.equal(bench.table.ready, true);
});

test('other settings reach the service ports; equal ones wake nobody', () => {
  const bench = new Bench();
  bench.table.feed('one', 0).sync(web('a', '127.9.0.1'));
  bench.table.open();
  bench.table.updateSettings(structuredClone(defaultSettings));
  assert.equal(bench.tick(), 0);
  bench.table.updateSettings(settingsWith({ policy: 'random' }));
  assert.equal(bench.tick(), 1);
  const [port] = bench.table.snapshot.servicePorts.values();
  assert.equal(port?.settings.policy, 'random');
  assert.equal(bench.published[1], bench.table.snapshot);
});

test('problems: those of feeds and of the table, told once each time they change; the state is not touched', () => {
  const bench = new Bench();
  const [one, two] = [bench.table.feed('one', 0), bench.table.feed('two', 1)];
  one.sync(web('a', '127.9.0.1'));
  one.report([problem]);
  bench.table.open();
  const { snapshot } = bench.table;
  two.sync(web('a', '127.9.0.2'));
  bench.tick();
  assert.equal(bench.table.snapshot, snapshot);
  const codes = () => bench.table.problems().map(({ code }) => code);
  assert.deepEqual(codes(), ['TEST', 'TABLE_SERVICE_DUPLICATE']);
  one.report([]);
  one.report([]);
  bench.tick();
  one.report([]);
  bench.tick();
  assert.deepEqual(codes(), ['TABLE_SERVICE_DUPLICATE']);
  assert.deepEqual(
    bench.problems.map((list) => list.length),
    [1, 2, 1],
  );
});

test('problems can be seen before open', () => {
  const bench = new Bench();
  bench.table.feed('one', 0).report([problem]);
  assert.deepEqual(bench.table.problems(), [problem]);
});

test('nobody needs to listen to problems', () => {
  const table = new Table({ settings: defaultSettings, onSnapshot: () => {}, schedule: (task) => task() });
  table.open();
  const feed = table.feed('one', 0);
  feed.report([problem]);
  feed.sync(web('a', '127.9.0.1'));
  assert.equal(table.snapshot.frontends.size, 1);
  assert.deepEqual(table.problems(), [problem]);
});

test('what people see of a service is carried along: a new label is a new snapshot with the same service ports', () => {
  const bench = new Bench();
  const feed = bench.table.feed('one', 0);
  const labelled = (run: string): FeedState => ({
    ...web('a', '127.9.0.1'),
    services: [service('a', ['127.9.0.1'], { meta: { labels: { run } } })],
  });
  feed.sync(labelled('one'));
  bench.table.open();
  const first = bench.table.snapshot;
  feed.sync(labelled('one'));
  bench.tick();
  assert.equal(bench.table.snapshot, first);
  feed.sync(labelled('two'));
  bench.tick();
  const { services, servicePorts } = bench.table.snapshot;
  assert.deepEqual(
    [...services.values()].map(({ meta }) => meta?.labels),
    [{ run: 'two' }],
  );
  for (const [key, port] of servicePorts) assert.equal(first.servicePorts.get(key), port);
});

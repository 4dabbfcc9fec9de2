import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { metered, parseSchedstat, parseStat, processTree, residentKiB, spentNs } from '../../bench/support/cpu.ts';

const linux = process.platform === 'linux' ? {} : { skip: 'needs Linux: reads /proc' };

describe('parseSchedstat', () => {
  it('takes the time on a CPU, the first of three numbers', () =>
    assert.equal(parseSchedstat('788785 12 3\n'), 788_785));
  it('holds a day in nanoseconds exactly', () =>
    assert.equal(parseSchedstat('86400000000001 0 0'), 86_400_000_000_001));
  for (const text of ['', '\n', 'no such process'])
    it(`refuses ${JSON.stringify(text)}`, () => assert.throws(() => parseSchedstat(text), /not a schedstat/));
});

describe('spentNs', () => {
  const rows: [name: string, before: [string, number][], after: [string, number][], expected: number][] = [
    [
      'sums the threads',
      [
        ['1', 10],
        ['2', 20],
      ],
      [
        ['1', 15],
        ['2', 27],
      ],
      12,
    ],
    [
      'counts a new thread from zero',
      [['1', 10]],
      [
        ['1', 10],
        ['9', 5],
      ],
      5,
    ],
    [
      'does not count back for one that is gone',
      [
        ['1', 10],
        ['2', 20],
      ],
      [['1', 11]],
      1,
    ],
    ['does not count back for an id used anew', [['1', 10]], [['1', 4]], 0],
  ];
  for (const [name, before, after, expected] of rows)
    it(name, () => assert.equal(spentNs(new Map(before), new Map(after)), expected));
});

describe('parseStat', () => {
  it('calls busy all but idle and iowait', () => {
    const text = 'cpu  100 20 30 1000 50 6 7 8 900 900\ncpu0 1 1 1 1 1 1 1 1 1 1\n';
    assert.deepEqual(parseStat(text), { busy: 171, total: 1221 });
  });
  it('refuses something else', () => assert.throws(() => parseStat('intr 1 2 3 4 5 6\n'), /not a \/proc\/stat/));
});

describe('metered', linux, () => {
  it('charges a process for what it does meanwhile', async () => {
    const busyMs = 30;
    const [result, usage] = await metered(process.pid, async () => {
      const { user, system } = process.cpuUsage();
      for (let used = 0; used < busyMs; ) {
        const now = process.cpuUsage();
        used = (now.user + now.system - user - system) / 1_000;
      }
      return 'done';
    });
    assert.equal(result, 'done');
    assert.ok((usage.proxyNs ?? 0) > (busyMs / 2) * 1e6, `${usage.proxyNs} ns`);
  });
  it('has nothing to say of a proxy that is not there', async () => {
    const [, usage] = await metered(undefined, async () => {});
    assert.equal('proxyNs' in usage, false);
  });
  it('passes on what went wrong', () =>
    assert.rejects(
      metered(process.pid, () => Promise.reject(new Error('no load'))),
      /no load/,
    ));
});

describe('processes', linux, () => {
  it('finds itself first in its own tree', () => assert.equal(processTree(process.pid)[0], process.pid));
  it('reads resident memory', () => {
    const kib = residentKiB(process.pid);
    assert.ok(kib > 10_000 && kib * 1_024 < process.memoryUsage().rss * 2, `${kib} KiB`);
  });
});

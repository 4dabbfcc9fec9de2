import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseOptions } from '../../bench/options.ts';

const questions = ['requests', 'udp'];

describe('parseOptions', () => {
  it('asks everything in five rounds by default', () => {
    const { pace, only, smoke, build } = parseOptions([], questions);
    assert.deepEqual([pace.rounds, pace.idleConnections, only, smoke, build], [5, 6_000, [], false, true]);
  });
  it('takes some questions and a number of rounds', () => {
    const { only, pace } = parseOptions(['--quick', '--only', 'udp, requests', '--rounds', '7'], questions);
    assert.deepEqual([only, pace.rounds], [['udp', 'requests'], 7]);
  });
  it('is shorter when quick, and shortest for a smoke', () => {
    const seconds = [[], ['--quick'], ['--smoke']].map((argv) => parseOptions(argv, questions).pace.seconds);
    assert.deepEqual(
      [...seconds].sort((a, b) => b - a),
      seconds,
    );
  });
});

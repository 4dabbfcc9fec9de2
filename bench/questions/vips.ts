import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import type { Metric, Question } from '../question.ts';
import { milliseconds } from '../show.ts';

const program = join(import.meta.dirname, '..', 'support', 'vips-program.ts');
const changes = 5;

const row = (key: string, label: string): Metric => ({ key, label, show: milliseconds });

/**
 * VIPs on the host, in a network namespace of its own: how long `nft` and `ip` take, with all that sluice does around
 * them. It needs root, ip and nft; it needs no relay, so it is asked once and not for every engine.
 */
export const vips: Question = {
  name: 'vips',
  needs: [],
  rounds: () => 1,
  concerns: ({ engine }) => engine === 'net',
  metrics: [
    row('redirectMs', 'redirect 5,000 VIPs, one transaction'),
    { ...row('redirectChangeMs', '  one of them replaced'), target: { of: 'value', atMost: { net: 100 } } },
    row('checkMs', '  a look that finds all in order'),
    row('assignMs', 'add 5,000 VIPs to lo, one batch'),
    row('assignChangeMs', '  one of them replaced'),
  ],
  async measure({ rig, pace }) {
    const namespace = `sluice-bench-${process.pid}`;
    await rig.processes.run('ip', ['netns', 'add', namespace]);
    await rig.processes.run('ip', ['-n', namespace, 'link', 'set', 'lo', 'up']);
    try {
      const words = [rig.node.path, ...rig.node.typescript, program, `${pace.services}`, `${changes}`];
      const { stdout } = await rig.processes.run('ip', ['netns', 'exec', namespace, ...words]);
      return JSON.parse(stdout) as Record<string, number>;
    } finally {
      spawnSync('ip', ['netns', 'delete', namespace]);
    }
  },
};

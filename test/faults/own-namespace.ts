import assert from 'node:assert/strict';
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';

/*
 * A file of tests that needs a network namespace with nothing else in it runs itself there: one test outside runs the
 * file, the others skip outside.
 */

export const isInside = process.env.SLUICE_TEST_NAMESPACE === 'yes';
const enter = ['--map-root-user', '--net'];
const works = isInside || spawnSync('unshare', [...enter, 'ip', 'link', 'set', 'lo', 'up']).status === 0;
const whyNot = works ? false : 'needs unshare and ip, and a kernel that lets this user make network namespaces';
/** Of the one test outside. */
export const skip = isInside ? 'this is the inside' : whyNot;

/** Runs a program when lo is up, with the ip(8) of its PATH. */
export const withLo = ['sh', '-c', 'ip link set lo up && exec "$0" "$@"'];

/** Runs a program in a network namespace of its own, in which nothing is up. */
export const ownNetwork = { prefix: ['unshare', ...enter], skip: whyNot } as const;

/** Runs the file `url` in a network namespace of its own; it has one test there, which must pass. */
export async function passesInside(url: string): Promise<void> {
  const self = ['--import', 'tsx', '--test', '--test-reporter', 'tap', fileURLToPath(url)];
  const words = [...withLo, process.execPath, ...self];
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const child = spawn('unshare', [...enter, ...words], { env: { ...env, SLUICE_TEST_NAMESPACE: 'yes' } });
  let output = '';
  for (const stream of [child.stdout, child.stderr]) stream.setEncoding('utf8').on('data', (text) => (output += text));
  const [code] = await once(child, 'close');
  assert.equal(code, 0, output);
  assert.match(output, /^# pass 1$/m);
}

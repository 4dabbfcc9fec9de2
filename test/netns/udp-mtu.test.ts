import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { test } from 'node:test';

/*
 * On loopback every datagram fits into a packet. With the MTU of an Ethernet, what is sent as one (UDP_SEGMENT) and is too
 * large for that has to be sent each by itself, in fragments.
 */
const enter = ['--map-root-user', '--net'];
const works = spawnSync('unshare', [...enter, 'ip', 'link', 'set', 'lo', 'up', 'mtu', '1500']).status === 0;
const skip = works ? false : 'needs unshare and ip, and a kernel that lets this user make network namespaces';

/** Of the endpoints (10) and clients (200) of the contract, whose network has the number of its process. */
const narrowWays = Array.from({ length: 250 }, (_, net) =>
  [10, 200].map((host) => `route replace local 127.77.${net}.${host} dev lo table local mtu lock 800\n`),
);

/** The contract's bursts, with io_uring and without, in a network of their own where a shell has run `setUp`, which reads `input`. */
function bursts(setUp: string, input = ''): void {
  const contract = join(import.meta.dirname, '../contract/udp-native.test.ts');
  const node = [
    process.execPath,
    '--import',
    'tsx',
    '--test',
    '--test-reporter',
    'tap',
    '--test-name-pattern',
    '(one thread|without io_uring): bursts',
  ];
  const words = ['sh', '-c', `${setUp} && exec "$0" "$@"`, ...node, contract];
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const { status, stdout } = spawnSync('unshare', [...enter, ...words], { env, input, encoding: 'utf8' });
  assert.equal(status, 0, stdout);
}

test('bursts of UDP datagrams that are larger than a packet', { skip, timeout: 60_000 }, () => {
  bursts('ip link set lo up mtu 1500');
});

test('bursts of UDP datagrams that go on by a narrower way than they came by', { skip, timeout: 60_000 }, () => {
  bursts('ip link set lo up && ip -batch -', narrowWays.flat().join(''));
});

import assert from 'node:assert/strict';
import type { TestContext } from 'node:test';
import { test } from 'node:test';
import { NetEngine } from '../../src/relay/net/engine.ts';
import { loadHandles } from '../../src/relay/net/handles.ts';
import { tcpContract } from './tcp-contract.ts';
import { tcpProxyContract } from './tcp-proxy-contract.ts';

const tcp = { backlog: 511, bufferBytes: 64 * 1024 };
const udp = { maxSessions: 10, maxSessionsPerClient: 10, receiveBufferBytes: 65_536, sendBufferBytes: 65_536 };

tcpContract('net', ({ clock, descriptors }) => new NetEngine({ clock, descriptors, tcp, udp }));

tcpContract(
  'net, documented API only',
  ({ clock, descriptors }) => new NetEngine({ clock, descriptors, tcp, udp, documentedOnly: true }),
  {
    cutAnswers: 'after its own FIN a net.Socket cannot tell a reset that comes with data from an end',
    unreadResets: 'a net.Socket that does not read learns of no reset',
  },
);

tcpProxyContract('net', ({ clock, descriptors }) => new NetEngine({ clock, descriptors, tcp, udp }));

tcpProxyContract(
  'net, documented API only',
  ({ clock, descriptors }) => new NetEngine({ clock, descriptors, tcp, udp, documentedOnly: true }),
);

test('this Node.js has the handles that sluice knows', (t: TestContext) => {
  t.diagnostic(process.version);
  assert.notEqual(loadHandles(), undefined);
});

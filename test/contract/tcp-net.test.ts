import { NetEngine } from '../../src/relay/net/engine.ts';
import { tcpContract } from './tcp-contract.ts';

tcpContract(
  'net',
  ({ clock, descriptors }) =>
    new NetEngine({
      clock,
      descriptors,
      tcp: { backlog: 511, bufferBytes: 64 * 1024 },
      udp: { maxSessions: 10, maxSessionsPerClient: 10, receiveBufferBytes: 65_536, sendBufferBytes: 65_536 },
    }),
);

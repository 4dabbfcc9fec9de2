import { DescriptorBudget } from '../../src/relay/descriptors.ts';
import { listenUdp } from '../../src/relay/net/udp-listener.ts';
import { NetUdpShared } from '../../src/relay/net/udp-shared.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { type ContractEngine, type ContractInit, udpContract } from './udp-contract.ts';
import { udpProxyContract } from './udp-proxy-contract.ts';
import { udpTrainsContract } from './udp-trains-contract.ts';

function netEngine(init: ContractInit, directSend: boolean): ContractEngine {
  const clock = new FakeClock();
  const descriptors = new DescriptorBudget({ limit: init.maxDescriptors, mostWaiting: 0 });
  const buffers = { receiveBufferBytes: 1024 * 1024, sendBufferBytes: 1024 * 1024 };
  const shared = new NetUdpShared({ ...init, ...buffers, clock, descriptors, directSend });
  return {
    listen: (spec, router) => listenUdp(spec, router, shared),
    advance: (ms) => clock.advance(ms),
    get descriptors() {
      return descriptors.used;
    },
    settle: () => {},
    close: async () => {},
  };
}

udpContract('net', (init) => netEngine(init, true));
udpContract('net without the handle', (init) => netEngine(init, false));
udpProxyContract('net', (init) => netEngine(init, true));
udpTrainsContract('net', (init) => netEngine(init, true));

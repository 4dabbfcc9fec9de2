import { DescriptorBudget } from '../../src/relay/descriptors.ts';
import { listenUdp } from '../../src/relay/net/udp-listener.ts';
import { UdpShared } from '../../src/relay/net/udp-shared.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { type ContractEngine, type ContractInit, udpContract } from './udp-contract.ts';

function netEngine(init: ContractInit, directSend: boolean): ContractEngine {
  const clock = new FakeClock();
  const descriptors = new DescriptorBudget({ limit: init.maxDescriptors, mostWaiting: 0 });
  const buffers = { receiveBufferBytes: 1024 * 1024, sendBufferBytes: 1024 * 1024 };
  const shared = new UdpShared({ ...init, ...buffers, clock, descriptors, directSend });
  return {
    listen: (spec, router) => listenUdp(spec, router, shared),
    advance: (ms) => clock.advance(ms),
    get descriptors() {
      return descriptors.used;
    },
  };
}

udpContract('net', (init) => netEngine(init, true));
udpContract('net without the handle', (init) => netEngine(init, false));

import { systemClock } from '../src/base/clock.ts';
import { FlowLoad } from '../src/frontend/flow-load.ts';
import { FrontendRouter } from '../src/frontend/router.ts';
import { parseIp } from '../src/model/address.ts';
import { frontendKey } from '../src/model/keys.ts';
import type { Frontend, ServicePort } from '../src/model/snapshot.ts';
import { DescriptorBudget } from '../src/relay/descriptors.ts';
import { type Addon, type InstanceOwner, loadAddon } from '../src/relay/native/addon.ts';
import { flowsPerBlock } from '../src/relay/native/cells.ts';
import { NativeEngine } from '../src/relay/native/engine.ts';
import { eventKind, numbersPerEvent } from '../src/relay/native/events.ts';
import type { Observer } from '../src/relay/observer.ts';
import { balancerOf, medianOf, millisecondsOf, servicePortOf } from './pick.ts';

/** As many as the addon accepts before it tells. */
const batch = 64;

/** The engine with an addon that has no sockets: it tells what the bench has it tell. */
async function openEngine(real: Addon) {
  const told: { owner?: InstanceOwner; events: Int32Array } = { events: new Int32Array() };
  const addon: Addon = {
    ...real,
    create(owner, events, ...rest) {
      told.owner = owner;
      told.events = events;
      return real.create(owner, events, ...rest);
    },
    listenTcp: () => 0,
    dial: () => 1,
  };
  const descriptors = new DescriptorBudget({ limit: 10_000, mostWaiting: batch });
  const udp = { maxSessions: 1, maxSessionsPerClient: 1, receiveBufferBytes: 65_536, sendBufferBytes: 65_536 };
  const engine = new NativeEngine({ addon, clock: systemClock, descriptors, threads: 0, tcp: { backlog: 511 }, udp });
  const frontend = frontendOf(servicePortOf(0, 10));
  await engine.listen(frontend, routerOf(frontend));
  return { engine, ...told };
}

function frontendOf(servicePort: ServicePort): Frontend {
  const address = parseIp('127.9.0.1');
  if (address === undefined) throw new Error('no address');
  const key = frontendKey('TCP', address, 80);
  return { key, protocol: 'TCP', address, port: 80, servicePort, kind: 'cluster', scope: 'cluster' };
}

/** The counters are left out: exposition.ts says what they cost. */
function routerOf(frontend: Frontend): FrontendRouter {
  const silent: Observer = {
    namesClients: false,
    flowOpened() {},
    flowConnected() {},
    connectFailed() {},
    flowClosed() {},
    datagramDropped() {},
    acceptFailed() {},
  };
  const load = new FlowLoad(10_000);
  return new FrontendRouter({ frontend, balancer: balancerOf(0, 10), load, observer: silent, clock: systemClock });
}

/**
 * Nanoseconds of JavaScript for one connection of the native engine, from `accepted` to `closed`, without the addon: the
 * flow, the route, the books. The events come in batches of 64, as under load. Undefined without the addon.
 */
export async function nativePolicyNs(connections = 64_000): Promise<number | undefined> {
  const loaded = loadAddon();
  if (loaded.kind === 'absent') return undefined;
  const { engine, owner, events } = await openEngine(loaded.addon);
  owner?.onCells(new ArrayBuffer(flowsPerBlock * 64));
  const tell = (kind: number, third: number) => {
    for (let slot = 0; slot < batch; slot += 1) events.set([kind, slot, 0, third], slot * numbersPerEvent);
    owner?.onEvents(batch);
  };
  const round = () => {
    for (let count = 0; count < connections; count += batch) {
      tell(eventKind.accepted, 40_000);
      tell(eventKind.closed, 1);
    }
  };
  round();
  const milliseconds = medianOf(5, () => millisecondsOf(round));
  await engine.close();
  return (milliseconds * 1e6) / connections;
}

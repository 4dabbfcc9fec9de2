import type { Clock } from '../../base/clock.ts';
import { Deadlines } from '../deadlines.ts';
import type { DescriptorBudget } from '../descriptors.ts';
import type { Listener, ListenSpec, RelayEngine, Router } from '../relay.ts';
import { Sweeper } from '../sweeper.ts';
import { BufferPool } from './buffers.ts';
import { HandleSockets } from './handle-sockets.ts';
import { loadHandles } from './handles.ts';
import { StreamSockets } from './stream-side.ts';
import type { TcpFlow } from './tcp-flow.ts';
import type { TcpInit } from './tcp-listener.ts';
import { listenTcp } from './tcp-listener.ts';
import { listenUdp } from './udp-listener.ts';
import { type NetUdpInit, NetUdpShared } from './udp-shared.ts';

export interface NetEngineInit {
  readonly clock: Clock;
  readonly descriptors: DescriptorBudget;
  readonly tcp: {
    /** Length of the queue of connections that wait for accept(2), see listen(2); the kernel caps it at `somaxconn`. */
    readonly backlog: number;
    /** The size of one read of a bulk stream: the most that is held for one direction of a connection. */
    readonly bufferBytes: number;
  };
  readonly udp: Omit<NetUdpInit, 'clock' | 'descriptors'>;
  /** Use nothing that Node.js does not document, as where it is not what we know. Default: false. */
  readonly documentedOnly?: boolean;
}

/** The relay engine on node:net and node:dgram. It runs everywhere. */
export class NetEngine implements RelayEngine {
  readonly name = 'net';
  readonly reservedDescriptors = 0;
  readonly #tcp: TcpInit;
  readonly #udp: NetUdpShared;
  readonly #sweeper: Sweeper;

  constructor({ clock, descriptors, tcp, udp, documentedOnly = false }: NetEngineInit) {
    const dialing = new Deadlines<TcpFlow>(clock);
    const handles = documentedOnly ? undefined : loadHandles();
    const sockets = handles ? new HandleSockets(handles) : new StreamSockets();
    this.#tcp = { sockets, clock, descriptors, dialing, backlog: tcp.backlog, pool: new BufferPool(tcp.bufferBytes) };
    this.#udp = new NetUdpShared({ directSend: !documentedOnly, ...udp, clock, descriptors });
    this.#sweeper = new Sweeper(clock);
  }

  async listen(spec: ListenSpec, router: Router): Promise<Listener> {
    if (spec.protocol === 'UDP') return listenUdp(spec, router, this.#udp);
    const listener = await listenTcp(spec, router, this.#tcp);
    this.#sweeper.add(listener);
    return listener;
  }

  /** They are counted as bytes move. */
  settle(): void {}

  /** Sockets are its listeners'. */
  async close(): Promise<void> {}
}

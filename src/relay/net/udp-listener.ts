import type { RemoteInfo, Socket } from 'node:dgram';
import type { EndReason } from '../../model/reason.ts';
import type { Target } from '../../model/target.ts';
import { encodeProxyHeader } from '../proxy-protocol/encode.ts';
import type { Flow, FlowView, Listener, ListenSpec, Router } from '../relay.ts';
import type { DatagramSender } from './datagram-sender.ts';
import { OnewayUpstreams } from './udp-oneway.ts';
import { PrefixedUpstream } from './udp-prefixed.ts';
import { dropReasonOf, senderFor } from './udp-sender.ts';
import { type SessionHost, UdpSession } from './udp-session.ts';
import type { UdpShared } from './udp-shared.ts';
import { bindSocket, closeSocket } from './udp-socket.ts';
import { SocketUpstream, type Upstream } from './udp-upstream.ts';

/** Binds exactly the address and port, and relays datagrams. Rejects with the system error of bind(2). */
export async function listenUdp(spec: ListenSpec, router: Router, shared: UdpShared): Promise<Listener> {
  const socket = await bindSocket(spec.address, spec.port);
  return new UdpListener(socket, spec, router, shared);
}

class UdpListener implements Listener, SessionHost {
  readonly router: Router;
  readonly shared: UdpShared;
  readonly lane;
  readonly #spec: ListenSpec;
  readonly #socket: Socket;
  readonly #sender: DatagramSender;
  readonly #oneway: OnewayUpstreams;
  /** By client address, then by client port: finding one builds no key. */
  readonly #clients = new Map<string, Map<number, UdpSession>>();
  #size = 0;
  #stopped: Promise<void> | undefined;

  constructor(socket: Socket, spec: ListenSpec, router: Router, shared: UdpShared) {
    this.#spec = spec;
    this.router = router;
    this.shared = shared;
    this.lane = shared.sessions.openLane(() => router.settings.udp.idleTimeoutMs);
    this.#oneway = new OnewayUpstreams(shared);
    this.#socket = socket;
    shared.buffers.apply(socket);
    this.#sender = senderFor(socket, (code) => router.dropped(dropReasonOf(code)), shared.directSend);
    socket.on('message', (message, from) => this.#receive(message, from));
    // An error of recv(2) on a socket that is not connected is about no datagram that could be named.
    socket.on('error', () => {});
  }

  get size(): number {
    return this.#size;
  }

  *flows(): Generator<FlowView> {
    const now = this.shared.clock.now();
    for (const ports of this.#clients.values()) for (const session of ports.values()) yield session.view(now);
  }

  cut(which: (target: Target | undefined) => boolean, reason: EndReason): void {
    for (const session of this.#sessions()) if (which(session.target)) session.end(reason, 'sluice');
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  connect(target: Target, session: UdpSession): Upstream | undefined {
    const upstream = this.#connect(target, session);
    if (upstream === undefined || this.router.settings.udp.sendProxy === 'off') return upstream;
    return new PrefixedUpstream(upstream, this.#proxyHeader(session.flow));
  }

  #proxyHeader({ clientAddress, clientPort, frontend }: Flow): Buffer {
    const client = { address: clientAddress, port: clientPort };
    return encodeProxyHeader('v2', client, frontend ?? this.#spec, 'UDP');
  }

  /** Oneway sessions share a socket for each endpoint; every other session has its own. */
  #connect(target: Target, session: UdpSession): Upstream | undefined {
    if (session.oneway) return this.#oneway.join(target, session);
    return this.#acquire(session) ? new SocketUpstream(target, session, this.shared) : undefined;
  }

  reply(message: Buffer, { flow }: UdpSession): boolean {
    return this.#sender.sendTo(message, flow.clientPort, flow.clientAddress);
  }

  forget(session: UdpSession): void {
    const { clientAddress, clientPort } = session.flow;
    const ports = this.#clients.get(clientAddress);
    ports?.delete(clientPort);
    if (ports?.size === 0) this.#clients.delete(clientAddress);
    this.#size -= 1;
    this.shared.sessions.remove(session);
  }

  again(message: Buffer, { flow }: UdpSession): void {
    if (this.#stopped === undefined) this.#open(message, flow.clientAddress, flow.clientPort);
  }

  #receive(message: Buffer, { address, port }: RemoteInfo): void {
    const session = this.#clients.get(address)?.get(port);
    if (session === undefined) this.#open(message, address, port);
    else session.forward(message);
  }

  /** Whoever must go to make room goes only when the router has an endpoint for the new one. */
  #open(message: Buffer, clientAddress: string, clientPort: number): void {
    const now = this.shared.clock.now();
    const room = this.shared.sessions.room(clientAddress, now);
    if (room.kind === 'full') {
      this.router.dropped(room.reason);
      return;
    }
    const flow = flowOf(clientAddress, clientPort);
    const route = this.router.route(flow);
    if (route.kind === 'reject') {
      this.router.dropped(route.reason);
      return;
    }
    if (room.kind === 'evict') room.victim.end('evicted', 'sluice');
    const session = new UdpSession(this, flow, route.target, now);
    this.#remember(session, now);
    session.open(message);
  }

  #remember(session: UdpSession, now: number): void {
    const { clientAddress, clientPort } = session.flow;
    const ports = this.#clients.get(clientAddress);
    if (ports === undefined) this.#clients.set(clientAddress, new Map([[clientPort, session]]));
    else ports.set(clientPort, session);
    this.#size += 1;
    this.shared.sessions.add(session, now);
  }

  /** One descriptor, if need be that of the session which the table would let go first. */
  #acquire(session: UdpSession): boolean {
    const { descriptors, sessions, clock } = this.shared;
    if (descriptors.tryAcquire(1)) return true;
    const victim = sessions.victim(clock.now());
    if (victim === undefined || victim === session) return false;
    victim.end('evicted', 'sluice');
    return descriptors.tryAcquire(1);
  }

  #sessions(): UdpSession[] {
    return [...this.#clients.values()].flatMap((ports) => [...ports.values()]);
  }

  async #stop(): Promise<void> {
    for (const session of this.#sessions()) session.end('shutdown', 'sluice');
    this.lane.close();
    await closeSocket(this.#socket);
  }
}

function flowOf(clientAddress: string, clientPort: number): Flow {
  return { protocol: 'UDP', clientAddress, clientPort, tried: undefined, frontend: undefined, lease: undefined };
}

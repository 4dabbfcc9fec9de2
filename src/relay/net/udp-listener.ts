import type { RemoteInfo, Socket } from 'node:dgram';
import type { AddressPort, Ip } from '../../model/address.ts';
import type { EndReason } from '../../model/reason.ts';
import type { Target } from '../../model/target.ts';
import { type DatagramOrigin, originOf } from '../proxy-protocol/datagram.ts';
import type { FlowView, Listener, ListenSpec, Router } from '../relay.ts';
import { udpFlow } from '../udp-session.ts';
import type { DatagramSender } from './datagram-sender.ts';
import { UdpClients } from './udp-clients.ts';
import { OnewayUpstreams } from './udp-oneway.ts';
import { PrefixedUpstream } from './udp-prefixed.ts';
import { dropReasonOf, senderFor } from './udp-sender.ts';
import { type NetSessionHost, NetUdpSession } from './udp-session.ts';
import type { NetUdpShared } from './udp-shared.ts';
import { bindSocket, closeSocket } from './udp-socket.ts';
import { SocketUpstream, type Upstream } from './udp-upstream.ts';

/** Binds exactly the address and port, and relays datagrams. Rejects with the system error of bind(2). */
export async function listenUdp(spec: ListenSpec, router: Router, shared: NetUdpShared): Promise<Listener> {
  const socket = await bindSocket(spec.address, spec.port);
  return new UdpListener(socket, spec, router, shared);
}

class UdpListener implements Listener, NetSessionHost {
  readonly router: Router;
  readonly shared: NetUdpShared;
  readonly lane;
  readonly #spec: ListenSpec;
  readonly #socket: Socket;
  readonly #sender: DatagramSender;
  readonly #oneway: OnewayUpstreams;
  readonly #clients = new UdpClients();
  #stopped: Promise<void> | undefined;

  constructor(socket: Socket, spec: ListenSpec, router: Router, shared: NetUdpShared) {
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
    return this.#clients.size;
  }

  *flows(): Generator<FlowView> {
    const now = this.shared.clock.now();
    for (const session of this.#clients) yield session.view(now);
  }

  cut(which: (target: Target | undefined) => boolean, reason: EndReason): void {
    for (const session of [...this.#clients]) if (which(session.target)) session.end(reason, 'sluice');
  }

  stop(): Promise<void> {
    this.#stopped ??= this.#stop();
    return this.#stopped;
  }

  connect(target: Target, session: NetUdpSession): Upstream | undefined {
    const upstream = this.#connect(target, session);
    if (upstream === undefined || this.router.settings.udp.sendProxy === 'off') return upstream;
    return new PrefixedUpstream(upstream, session.proxyHeader(this.#spec));
  }

  /** Oneway sessions share a socket for each endpoint; every other session has its own. */
  #connect(target: Target, session: NetUdpSession): Upstream | undefined {
    if (session.oneway) return this.#oneway.join(target, session);
    return this.shared.acquire(session) ? new SocketUpstream(target, session, this.shared) : undefined;
  }

  reply(message: Buffer, { flow, proxy }: NetUdpSession): boolean {
    if (proxy !== undefined) return this.#sender.sendTo(message, proxy.port, proxy.address);
    return this.#sender.sendTo(message, flow.clientPort, flow.clientAddress);
  }

  forget(session: NetUdpSession): void {
    this.#clients.remove(session);
  }

  again(message: Buffer, { flow, proxy }: NetUdpSession): void {
    if (this.#stopped === undefined) this.#open(message, flow.clientAddress, flow.clientPort, proxy);
  }

  #receive(message: Buffer, sender: RemoteInfo): void {
    const { acceptProxyFrom } = this.router.settings.udp;
    if (acceptProxyFrom.length > 0) this.#receiveNamed(originOf(message, sender.address, acceptProxyFrom), sender);
    else this.#receiveDirect(message, sender);
  }

  #receiveDirect(message: Buffer, { address, port }: RemoteInfo): void {
    const session = this.#clients.find(address, port);
    if (session === undefined) this.#open(message, address, port);
    else session.forward(message);
  }

  #receiveNamed(origin: DatagramOrigin, sender: RemoteInfo): void {
    if (origin.kind === 'sender') this.#receiveDirect(origin.payload, sender);
    else if (origin.kind === 'invalid') this.router.dropped('proxy-header-invalid');
    else if (origin.kind === 'unnamed') this.#receiveUnnamed(origin.payload, proxyOf(sender));
    else this.#receiveOf(origin.client, origin.payload, proxyOf(sender));
  }

  #receiveOf(client: AddressPort, message: Buffer, proxy: AddressPort): void {
    const session = this.#clients.findNamed(proxy, client);
    if (session === undefined) this.#open(message, client.address, client.port, proxy);
    else session.forward(message);
  }

  #receiveUnnamed(message: Buffer, proxy: AddressPort): void {
    const session = this.#clients.findLast(proxy);
    if (session === undefined) this.router.dropped('proxy-header-invalid');
    else session.forward(message);
  }

  #open(message: Buffer, clientAddress: string, clientPort: number, proxy?: AddressPort): void {
    const flow = udpFlow(clientAddress, clientPort);
    const admission = this.shared.admit(flow, this.router);
    if (admission.kind === 'drop') {
      this.router.dropped(admission.reason);
      return;
    }
    const session = new NetUdpSession(this, { flow, target: admission.target, proxy, now: this.shared.clock.now() });
    this.#clients.add(session);
    this.shared.sessions.add(session);
    session.open(message);
  }

  async #stop(): Promise<void> {
    for (const session of [...this.#clients]) session.end('shutdown', 'sluice');
    this.lane.close();
    await closeSocket(this.#socket);
  }
}

function proxyOf({ address, port }: RemoteInfo): AddressPort {
  return { address: address as Ip, port };
}

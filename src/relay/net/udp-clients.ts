import { type AddressPort, formatAddressPort } from '../../model/address.ts';
import type { NetUdpSession } from './udp-session.ts';

/** What came from one port of a proxy: a session for each client that it named there. */
interface Proxied {
  readonly sessions: Map<string, NetUdpSession>;
  /** The client that was named last, whether or not it has a session: what follows without a name is not another's. */
  last: string;
}

/** The sessions of one listener, by whom their datagrams come from. */
export class UdpClients {
  /** By client address, then by client port: finding one builds no key. */
  readonly #direct = new PortMap<NetUdpSession>();
  /** By the proxy's address and port. */
  readonly #proxied = new PortMap<Proxied>();
  #size = 0;

  get size(): number {
    return this.#size;
  }

  *[Symbol.iterator](): Generator<NetUdpSession> {
    yield* this.#direct.values();
    for (const { sessions } of this.#proxied.values()) yield* sessions.values();
  }

  find(address: string, port: number): NetUdpSession | undefined {
    return this.#direct.get(address, port);
  }

  /** The session of a client that `proxy` names now. */
  findNamed(proxy: AddressPort, client: AddressPort): NetUdpSession | undefined {
    const proxied = this.#proxied.get(proxy.address, proxy.port);
    if (proxied === undefined) return undefined;
    proxied.last = formatAddressPort(client.address, client.port);
    return proxied.sessions.get(proxied.last);
  }

  /** The session of the client that `proxy` has named last; `undefined`: it named none, or that one has no session. */
  findLast(proxy: AddressPort): NetUdpSession | undefined {
    const proxied = this.#proxied.get(proxy.address, proxy.port);
    return proxied?.sessions.get(proxied.last);
  }

  add(session: NetUdpSession): void {
    this.#size += 1;
    const { flow, proxy } = session;
    if (proxy === undefined) {
      this.#direct.set(flow.clientAddress, flow.clientPort, session);
      return;
    }
    const proxied = this.#proxied.get(proxy.address, proxy.port);
    const last = clientOf(session);
    if (proxied === undefined)
      this.#proxied.set(proxy.address, proxy.port, { sessions: new Map([[last, session]]), last });
    else proxied.sessions.set(last, session);
  }

  remove(session: NetUdpSession): void {
    this.#size -= 1;
    const { flow, proxy } = session;
    if (proxy === undefined) {
      this.#direct.delete(flow.clientAddress, flow.clientPort);
      return;
    }
    const proxied = this.#proxied.get(proxy.address, proxy.port);
    proxied?.sessions.delete(clientOf(session));
    if (proxied?.sessions.size === 0) this.#proxied.delete(proxy.address, proxy.port);
  }
}

function clientOf({ flow }: NetUdpSession): string {
  return formatAddressPort(flow.clientAddress, flow.clientPort);
}

class PortMap<Value> {
  readonly #ports = new Map<string, Map<number, Value>>();

  get(address: string, port: number): Value | undefined {
    return this.#ports.get(address)?.get(port);
  }

  set(address: string, port: number, value: Value): void {
    const ports = this.#ports.get(address);
    if (ports === undefined) this.#ports.set(address, new Map([[port, value]]));
    else ports.set(port, value);
  }

  delete(address: string, port: number): void {
    const ports = this.#ports.get(address);
    ports?.delete(port);
    if (ports?.size === 0) this.#ports.delete(address);
  }

  *values(): Generator<Value> {
    for (const ports of this.#ports.values()) yield* ports.values();
  }
}

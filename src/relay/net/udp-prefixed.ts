import type { Upstream, UpstreamUser } from './udp-upstream.ts';

/**
 * Puts the same bytes before every datagram: a PROXY header, which DNS servers (BIND, Unbound, Knot, PowerDNS, CoreDNS)
 * expect in each one. The specification says nothing about datagrams; a header in the first alone could get lost.
 */
export class PrefixedUpstream implements Upstream {
  readonly #upstream: Upstream;
  readonly #prefix: Buffer;

  constructor(upstream: Upstream, prefix: Buffer) {
    this.#upstream = upstream;
    this.#prefix = prefix;
  }

  /** A datagram that is too large with the prefix is dropped, as any other that is too large. */
  send(message: Buffer): boolean {
    return this.#upstream.send(Buffer.concat([this.#prefix, message]));
  }

  leave(user: UpstreamUser): void {
    this.#upstream.leave(user);
  }
}

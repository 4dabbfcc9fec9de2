import type { Logger } from 'pino';
import type { Clock } from '../base/clock.ts';
import {
  type ConnectFailure,
  connectFailureOf,
  type DropReason,
  type EndReason,
  isLocalFailure,
  type RejectReason,
} from '../model/reason.ts';
import type { Frontend } from '../model/snapshot.ts';
import type { Target } from '../model/target.ts';
import type { Observer } from '../relay/observer.ts';
import type { Ending } from '../relay/relay.ts';

export interface AlarmsInit {
  readonly logger: Logger;
  readonly clock: Clock;
}

/** Of what is wrong with this host, and of what is wrong with one endpoint or service: there may be many of these. */
const periodMs = { host: 10_000, service: 60_000 };

/** As many lines of endpoints and services a period at most; what is beyond them is in the metrics. */
const mostKinds = 100;

const advice: Readonly<Record<string, string>> = {
  'accept-failed': 'connections cannot be accepted; raise the limit of open files (ulimit -n, LimitNOFILE=)',
  'descriptors-exhausted': 'no file descriptors for more flows; raise the limit (ulimit -n, LimitNOFILE=)',
  'memory-exhausted':
    'the kernel has no memory for more sockets; see free(1), /proc/net/sockstat, net.ipv4.tcp_mem and the limits of the cgroup',
  'ports-exhausted': 'no ephemeral port is left towards an endpoint; widen net.ipv4.ip_local_port_range',
  'address-not-kept':
    'clientAddress: keep cannot be done; it needs engine: native, CAP_NET_ADMIN and endpoints of the IP family of the client',
  'limit-process': 'as many flows as limits.flows allows; raise it, or find out who holds them',
  'connect-refused': 'nothing listens at the endpoint; start it, or take it out of the service',
  'connect-timeout': 'the endpoint does not answer within tcp.connectTimeout; is it up, and no firewall in between?',
  'connect-unreachable': 'there is no way to the endpoint; "ip route get" and its address say which was tried',
  'connect-reset': 'the endpoint resets connections before they are there; its own log may say why',
  'connect-error': 'the endpoint cannot be connected to; sluice_socket_errors_total has the error codes',
  'connect-failed': 'no endpoint of the service could be reached; its clients are refused',
  'no-endpoint': 'the service has no endpoint that gets new flows; its clients are refused; see sluice explain',
  'no-local-endpoint': 'a traffic policy is Local and no endpoint is on this node; its clients are refused',
};

/** What an operator must know, in one line a period for each kind and whom it is about, however many times it happens. */
export class Alarms {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #kinds = new Map<string, { until: number; suppressed: number }>();
  readonly observer: Partial<Observer> = {
    acceptFailed: (frontend, code) => this.#acceptFailed(frontend, code),
    connectFailed: (frontend, target, failure) => this.#connectFailed(frontend, target, failure),
    flowClosed: (frontend, _flow, { reason, lastFailure }) => this.#refused(frontend, reason, lastFailure),
    datagramDropped: (frontend, reason) => this.#refused(frontend, reason, undefined),
  };

  constructor({ logger, clock }: AlarmsInit) {
    this.#logger = logger;
    this.#clock = clock;
  }

  #acceptFailed(frontend: Frontend, code: string): void {
    const isOfMemory = connectFailureOf(code) === 'memory-exhausted';
    this.#host(isOfMemory ? 'memory-exhausted' : 'accept-failed', { frontend: frontend.key, code });
  }

  #connectFailed(frontend: Frontend, { endpoint }: Target, failure: ConnectFailure): void {
    const fields = { frontend: frontend.key, endpoint: endpoint.key };
    if (isLocalFailure(failure)) this.#host(failure, fields);
    else this.#raise(failure, endpoint.key, periodMs.service, { service: frontend.servicePort.service, ...fields });
  }

  #refused(frontend: Frontend, reason: EndReason | DropReason, lastFailure: Ending['lastFailure']): void {
    const { key, servicePort } = frontend;
    if (isOfHost(reason)) this.#host(reason, { frontend: key });
    // What this host lacks has been told, with what to do about it.
    else if (isOfService(reason) && !(lastFailure !== undefined && isLocalFailure(lastFailure)))
      this.#raise(reason, servicePort.key, periodMs.service, { service: servicePort.service, frontend: key });
  }

  #host(kind: string, fields: Readonly<Record<string, string>>): void {
    this.#raise(kind, '', periodMs.host, fields);
  }

  #raise(kind: string, whom: string, forMs: number, fields: Readonly<Record<string, string>>): void {
    const now = this.#clock.now();
    const key = `${kind} ${whom}`;
    const last = this.#kinds.get(key);
    if (last !== undefined && now < last.until) {
      last.suppressed += 1;
      return;
    }
    // Of this host there are few kinds, and they are always told.
    if (last === undefined && whom !== '' && !this.#hasRoom(now)) return;
    this.#kinds.set(key, { until: now + forMs, suppressed: 0 });
    this.#logger.warn({ reason: kind, ...fields, suppressed: last?.suppressed ?? 0 }, advice[kind] ?? kind);
  }

  /** Forgets whom nothing was heard of for a period, if it has to. */
  #hasRoom(now: number): boolean {
    if (this.#kinds.size < mostKinds) return true;
    for (const [key, { until }] of this.#kinds) if (until <= now) this.#kinds.delete(key);
    return this.#kinds.size < mostKinds;
  }
}

const hostReasons: ReadonlySet<string> = new Set([
  'descriptors-exhausted',
  'memory-exhausted',
  'limit-process',
  'address-not-kept',
] satisfies RejectReason[]);

function isOfHost(reason: EndReason | DropReason): boolean {
  return hostReasons.has(reason);
}

function isOfService(reason: EndReason | DropReason): boolean {
  return reason === 'connect-failed' || reason === 'no-endpoint' || reason === 'no-local-endpoint';
}

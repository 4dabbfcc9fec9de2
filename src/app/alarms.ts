import type { Logger } from 'pino';
import type { Clock } from '../base/clock.ts';
import { isLocalFailure } from '../model/reason.ts';
import type { Observer } from '../relay/observer.ts';

export interface AlarmsInit {
  readonly logger: Logger;
  readonly clock: Clock;
}

const periodMs = 10_000;

const advice: Readonly<Record<string, string>> = {
  'accept-failed': 'connections cannot be accepted; raise the limit of open files (ulimit -n, LimitNOFILE=)',
  'descriptors-exhausted': 'no file descriptors for more flows; raise the limit (ulimit -n, LimitNOFILE=)',
  'ports-exhausted': 'no ephemeral port is left towards an endpoint; widen net.ipv4.ip_local_port_range',
  'limit-process': 'as many flows as limits.flows allows; raise it, or find out who holds them',
};

/** What an operator must know about this host, in one line a period for each kind, however many times it happens. */
export class Alarms {
  readonly #logger: Logger;
  readonly #clock: Clock;
  readonly #kinds = new Map<string, { since: number; suppressed: number }>();
  readonly observer: Partial<Observer> = {
    acceptFailed: (frontend, code) => this.#raise('accept-failed', { frontend: frontend.key, code }),
    connectFailed: (frontend, target, failure) => {
      if (isLocalFailure(failure)) this.#raise(failure, { frontend: frontend.key, endpoint: target.endpoint.key });
    },
    flowClosed: (frontend, _flow, { reason }) => {
      if (reason === 'descriptors-exhausted' || reason === 'limit-process')
        this.#raise(reason, { frontend: frontend.key });
    },
    datagramDropped: (frontend, reason) => {
      if (reason === 'descriptors-exhausted' || reason === 'limit-process')
        this.#raise(reason, { frontend: frontend.key });
    },
  };

  constructor({ logger, clock }: AlarmsInit) {
    this.#logger = logger;
    this.#clock = clock;
  }

  #raise(kind: string, fields: Readonly<Record<string, string>>): void {
    const now = this.#clock.now();
    const last = this.#kinds.get(kind);
    if (last !== undefined && now - last.since < periodMs) {
      last.suppressed += 1;
      return;
    }
    this.#kinds.set(kind, { since: now, suppressed: 0 });
    this.#logger.warn({ reason: kind, ...fields, suppressed: last?.suppressed ?? 0 }, advice[kind] ?? kind);
  }
}

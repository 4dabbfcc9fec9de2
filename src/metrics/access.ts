import type { Logger } from 'pino';
import { formatAddressPort } from '../model/address.ts';
import type { EndReason } from '../model/reason.ts';
import type { Frontend } from '../model/snapshot.ts';
import type { Observer } from '../relay/observer.ts';
import type { Ending, Flow } from '../relay/relay.ts';
import type { LogLevel } from './log.ts';

export interface AccessLogInit {
  readonly logger: Logger;
  /** The level of the lines; `silent`: none. */
  readonly level: LogLevel;
  /** The share of the normal endings that is logged, 0 to 1. All other endings are always logged. */
  readonly sample: number;
  /** A number in [0, 1). */
  readonly random: () => number;
}

/**
 * One line for each flow that ended: who, where to, how long, how much, and who ended it and why.
 *
 * Sampling thins out what is normal: both sides finished (`closed`), or a UDP session had nothing more to say
 * (`idle-timeout`). Whatever else ends a flow is what a reader looks for, and is always there.
 */
export class AccessLog implements Pick<Observer, 'flowClosed' | 'namesClients'> {
  readonly #init: AccessLogInit;
  #level: LogLevel;
  #sample: number;

  constructor(init: AccessLogInit) {
    this.#init = init;
    this.#level = init.level;
    this.#sample = init.sample;
  }

  configure({ level, sample }: Pick<AccessLogInit, 'level' | 'sample'>): void {
    this.#level = level;
    this.#sample = sample;
  }

  /** Whether any line would be written now. */
  get namesClients(): boolean {
    return this.#level !== 'silent' && this.#init.logger.isLevelEnabled(this.#level);
  }

  flowClosed(frontend: Frontend, flow: Flow, ending: Ending): void {
    if (!this.namesClients) return;
    if (isNormal(flow, ending.reason) && this.#init.random() >= this.#sample) return;
    this.#init.logger[this.#level](accessLine(frontend, flow, ending), 'flow ended');
  }
}

function isNormal(flow: Flow, reason: EndReason): boolean {
  return reason === 'closed' || (reason === 'idle-timeout' && flow.protocol === 'UDP');
}

/** The fields of an access line. Times in milliseconds; `endpoint` and `connectMs` are missing if none was reached. */
export interface AccessLine {
  readonly client: string;
  readonly vip: string;
  /** `namespace/name` */
  readonly service: string;
  readonly port: string;
  readonly protocol: string;
  readonly endpoint?: string;
  readonly durationMs: number;
  readonly connectMs?: number;
  readonly bytesFromClient: number;
  readonly bytesFromEndpoint: number;
  /** How many times an endpoint was dialled. */
  readonly tries: number;
  readonly by: string;
  readonly reason: string;
  /** The system's name of the error that ended it (`ETIMEDOUT`), where one did. */
  readonly errorCode?: string;
  /** The last failure of the tries, where there was one, and the system's name of the error behind it. */
  readonly lastFailure?: string;
  readonly lastFailureCode?: string;
  /** TCP on the native engine: the smoothed round trip to the client at the end, in milliseconds. */
  readonly rttMs?: number;
  /** Likewise: segments that were sent again, to client or endpoint. */
  readonly retransmits?: number;
}

export function accessLine(frontend: Frontend, flow: Flow, ending: Ending): AccessLine {
  const { target, connectMs, errorCode, lastFailure, lastFailureCode, measures } = ending;
  return {
    client: formatAddressPort(flow.clientAddress, flow.clientPort),
    vip: formatAddressPort(frontend.address, frontend.port),
    service: frontend.servicePort.service,
    port: frontend.servicePort.portName,
    protocol: frontend.protocol,
    ...(target && { endpoint: target.endpoint.key }),
    durationMs: roundMs(ending.durationMs),
    ...(connectMs !== undefined && { connectMs: roundMs(connectMs) }),
    bytesFromClient: ending.bytesFromClient,
    bytesFromEndpoint: ending.bytesFromEndpoint,
    tries: (flow.tried?.length ?? 0) + (target === undefined ? 0 : 1),
    by: ending.by,
    reason: ending.reason,
    ...(errorCode && { errorCode }),
    ...(lastFailure && { lastFailure }),
    ...(lastFailureCode && { lastFailureCode }),
    ...(measures && { rttMs: roundMs(measures.rttMs), retransmits: measures.retransmits }),
  };
}

/** To the microsecond. */
function roundMs(ms: number): number {
  return Math.round(ms * 1000) / 1000;
}

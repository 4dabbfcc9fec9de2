import type { Logger } from 'pino';
import type { Clock } from '../base/clock.ts';
import type { Frontends } from '../frontend/frontends.ts';

export interface DrainInit {
  readonly frontends: Frontends;
  readonly clock: Clock;
  readonly logger: Logger;
  readonly timeoutMs: number;
}

const lookEveryMs = 50;
const reportEveryMs = 5_000;
/** A UDP session has no end: one that has been silent for this long is not waited for. */
const quietMs = 2_000;

/** Waits until no flow is left, or `timeoutMs` have passed. Resolves with how many are left. */
export async function drain({ frontends, clock, logger, timeoutMs }: DrainInit): Promise<number> {
  const end = clock.now() + timeoutMs;
  let reportAt = clock.now();
  for (;;) {
    const now = clock.now();
    const left = flowsLeft(frontends);
    if (left === 0 || now >= end) {
      logger.info(
        { flows: left },
        left === 0 ? 'drained' : 'the drain timeout is over: the flows that are left are cut',
      );
      return left;
    }
    if (now >= reportAt) {
      reportAt = now + reportEveryMs;
      logger.info({ flows: left, remainingMs: Math.round(end - now) }, 'draining');
    }
    await new Promise<void>((resolve) => clock.after(Math.min(lookEveryMs, end - now), () => resolve()));
  }
}

function flowsLeft(frontends: Frontends): number {
  let left = 0;
  for (const { protocol, listener } of frontends.listeners()) {
    if (protocol === 'TCP') left += listener.size;
    else for (const flow of listener.flows()) if (flow.idleMs < quietMs) left += 1;
  }
  return left;
}

export interface DeliveryInit {
  /** Connections that have ended here, and whose clients do not have all of it yet. */
  readonly undelivered: () => Promise<number>;
  readonly clock: Clock;
  readonly logger: Logger;
  /** On the monotonic clock: nothing is waited for after it. */
  readonly end: number;
}

const lookAtKernelEveryMs = 100;

/** Waits until the kernel has brought to clients what flows that have ended left to it: it could not without the VIPs. */
export async function delivery({ undelivered, clock, logger, end }: DeliveryInit): Promise<void> {
  for (let told = 0; ; ) {
    const left = await undelivered();
    const now = clock.now();
    if (left === 0 || now >= end) return;
    if (told !== left) logger.info({ connections: left, remainingMs: Math.round(end - now) }, 'delivering');
    told = left;
    await new Promise<void>((resolve) => clock.after(Math.min(lookAtKernelEveryMs, end - now), () => resolve()));
  }
}

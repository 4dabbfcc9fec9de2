import type { Clock, Timer } from '../../base/clock.ts';

export interface SilenceInit {
  readonly clock: Clock;
  /** So long without a sign of life is too long, in milliseconds. */
  readonly limitMs: number;
  /** The same, before the first one. Default: `limitMs`. */
  readonly firstMs?: number;
  /** Called once at most. */
  readonly onSilence: () => void;
}

/**
 * Notices that nothing was heard for too long. It looks when that would be so: a timer for each sign of life would cost
 * more than what it guards.
 */
export class Silence {
  readonly #init: SilenceInit;
  #heardAt: number;
  #limitMs: number;
  #timer: Timer;

  /** It begins now. */
  constructor(init: SilenceInit) {
    this.#init = init;
    this.#heardAt = init.clock.now();
    this.#limitMs = init.firstMs ?? init.limitMs;
    this.#timer = this.#look();
  }

  heard(): void {
    this.#heardAt = this.#init.clock.now();
    this.#limitMs = this.#init.limitMs;
  }

  /** Nobody listens any more. */
  stop(): void {
    this.#timer.cancel();
  }

  #look(): Timer {
    const { clock, onSilence } = this.#init;
    return clock.after(this.#heardAt + this.#limitMs - clock.now(), () => {
      if (clock.now() - this.#heardAt >= this.#limitMs) onSilence();
      else this.#timer = this.#look();
    });
  }
}

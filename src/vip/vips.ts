import { Backoff } from '../base/backoff.ts';
import type { Clock, Timer } from '../base/clock.ts';
import type { Problem } from '../base/errors.ts';
import { emptyHost, type HostState, isEmptyHost } from './host.ts';
import { type HostPart, syncParts } from './part.ts';

export interface VipsInit {
  readonly parts: readonly HostPart[];
  readonly clock: Clock;
  /** All that is wrong now; told after every try in which it changed. */
  readonly onProblems: (problems: readonly Problem[]) => void;
  /** Something that was in order before was put back: somebody else had removed or changed it. */
  readonly onRepaired: (changes: number) => void;
}

/** How often the host is compared with what is desired, when nothing has changed. */
export const checkEveryMs = 10_000;
const firstRetryMs = 500;

/**
 * Keeps the host as it is desired. Level-triggered: it knows nothing of what it did before, it reads what is there. So
 * what a crashed run left is adopted by the first `sync`, and what others remove is put back by the next check.
 */
export class Vips {
  readonly #init: VipsInit;
  readonly #backoff: Backoff;
  #desired: HostState = emptyHost;
  /** What was made without a problem, last. */
  #applied: HostState | undefined;
  /** Nothing of ours can be on the host: no program needs to be run to know it. */
  #isClean = true;
  #isClosed = false;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #timer: Timer | undefined;
  #told = '[]';

  constructor(init: VipsInit) {
    this.#init = init;
    this.#backoff = new Backoff({ initialMs: firstRetryMs, maxMs: checkEveryMs, random: () => init.clock.random() });
  }

  /** Whether the host was made `desired` already, as far as is known. */
  isDone(desired: HostState): boolean {
    return desired === this.#applied || (this.#isClean && isEmptyHost(desired));
  }

  /**
   * Resolves when the host was made what is desired, or what failed was told. States are compared by identity: another
   * object is another state.
   */
  async sync(desired: HostState): Promise<void> {
    this.#desired = desired;
    if (!this.isDone(desired) || this.#running !== undefined) await this.#soon();
  }

  /** Removes from the host all that is sluice's, and ends the checks. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#timer?.cancel();
    await this.sync(emptyHost);
  }

  /** One pass at a time; those who ask meanwhile share the one after it. */
  #soon(): Promise<void> {
    if (this.#running !== undefined) {
      this.#next ??= this.#running.then(() => {
        this.#next = undefined;
        return this.#soon();
      });
      return this.#next;
    }
    this.#running = this.#apply().finally(() => {
      this.#running = undefined;
    });
    return this.#running;
  }

  async #apply(): Promise<void> {
    const desired = this.#desired;
    if (this.#isClean && isEmptyHost(desired)) return;
    this.#timer?.cancel();
    const { changes, problems } = await syncParts(this.#init.parts, desired);
    const isRight = problems.length === 0;
    if (desired === this.#applied && changes > 0) this.#init.onRepaired(changes);
    this.#applied = isRight ? desired : undefined;
    this.#isClean = isRight && isEmptyHost(desired);
    this.#tell(problems);
    this.#schedule(isRight);
  }

  #schedule(isRight: boolean): void {
    if (this.#isClosed || this.#isClean) return;
    if (isRight) this.#backoff.reset();
    const delayMs = isRight ? checkEveryMs : this.#backoff.next();
    this.#timer = this.#init.clock.after(delayMs, () => void this.#soon());
  }

  #tell(problems: readonly Problem[]): void {
    const text = JSON.stringify(problems);
    if (text === this.#told) return;
    this.#told = text;
    this.#init.onProblems(problems);
  }
}

import { Backoff } from '../base/backoff.ts';
import type { Clock, Timer } from '../base/clock.ts';
import type { Problem } from '../base/errors.ts';
import type { Claim } from './claim.ts';
import { emptyHost, type HostState, isEmptyHost } from './host.ts';
import { type Applied, type HostPart, syncParts } from './part.ts';

export interface VipsInit {
  readonly parts: readonly HostPart[];
  /** Whose the parts are: nothing is done to them without it. */
  readonly claim: Claim;
  readonly clock: Clock;
  /** All that is wrong now; told after every try in which it changed. */
  readonly onProblems: (problems: readonly Problem[]) => void;
  /** Something that was in order before was put back: somebody else had removed or changed it. */
  readonly onRepaired: (changes: number) => void;
  /** Another sluice has the host now, with all that was made on it. */
  readonly onHandedOver: () => void;
}

/** How often the host is compared with what is desired, when nothing has changed. */
export const checkEveryMs = 10_000;
const firstRetryMs = 500;

/**
 * Keeps the host as it is desired. Level-triggered: it knows nothing of what it did before, it reads what is there. So
 * what a crashed run left is adopted by the first `sync`, and what others remove is put back by the next check. Where
 * another sluice has the claim nothing is touched, until that one ends or hands it over.
 */
export class Vips {
  readonly #init: VipsInit;
  readonly #backoff: Backoff;
  #desired: HostState = emptyHost;
  /** What was made last, as far as it could be; what could not is tried again by the timer. */
  #tried: HostState | undefined;
  /** The same, if it was made without a problem. */
  #applied: HostState | undefined;
  /** Nothing of ours can be on the host: no program needs to be run to know it. */
  #isClean = true;
  #isClosed = false;
  /** The claim was another's at the last try. */
  #isTheirs = false;
  /** Whatever is on the host is another's, for good. */
  #isOver = false;
  #running: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #timer: Timer | undefined;
  #told = '[]';

  constructor(init: VipsInit) {
    this.#init = init;
    this.#backoff = new Backoff({ initialMs: firstRetryMs, maxMs: checkEveryMs, random: () => init.clock.random() });
  }

  /** Whether the host was made `desired` already, as far as that can be: a snapshot is not kept waiting for a repair. */
  isDone(desired: HostState): boolean {
    const isBare = this.#isClean && this.#running === undefined;
    return desired === this.#tried || (isBare && isEmptyHost(desired));
  }

  /**
   * Resolves when the host was made what is desired, or what failed was told; at once if that was so already. States are compared by identity: another
   * object is another state.
   */
  async sync(desired: HostState): Promise<void> {
    this.#desired = desired;
    if (!this.isDone(desired) || this.#running !== undefined) await this.#soon();
  }

  /** Compares the host with what is desired now, not only when it is time to. */
  async check(): Promise<void> {
    if (!this.#isClosed) await this.#soon();
  }

  /** Whoever waits for the claim, now or later, gets it: this sluice takes no new flows. What it has made stays, for those that it has. */
  offer(): void {
    this.#init.claim.offer(() => void this.#handOver());
  }

  /** Removes from the host all that is sluice's, unless it is another one's, and ends the checks. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#isOver ||= this.#isTheirs;
    this.#timer?.cancel();
    this.#desired = emptyHost;
    await this.#soon();
    this.#init.claim.release();
  }

  async #handOver(): Promise<void> {
    if (this.#isClosed || this.#isOver) return;
    this.#isOver = true;
    this.#timer?.cancel();
    await this.#soon();
    this.#init.claim.release();
    this.#init.onHandedOver();
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
    if (this.#isOver || (this.#isClean && isEmptyHost(desired))) return;
    this.#timer?.cancel();
    const held = await this.#init.claim.take(() => void this.#soon());
    this.#isTheirs = held !== undefined;
    const { changes, problems } =
      held === undefined ? await syncParts(this.#init.parts, desired) : leave(desired, held);
    const isRight = problems.length === 0;
    if (desired === this.#applied && changes > 0) this.#init.onRepaired(changes);
    this.#tried = desired;
    this.#applied = isRight ? desired : undefined;
    this.#isClean = isRight && isEmptyHost(desired);
    if (this.#isClean) this.#init.claim.release();
    this.#tell(problems);
    this.#schedule(isRight);
  }

  #schedule(isRight: boolean): void {
    if (this.#isClosed || this.#isOver || this.#isClean) return;
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

/** Whose host it is does not matter to one who wants nothing of it. */
function leave(desired: HostState, held: Problem): Applied {
  return { changes: 0, problems: isEmptyHost(desired) ? [] : [held] };
}

/**
 * Time and randomness, the only file that reads them. Everything else takes a `Clock` (or a `now`) as a parameter,
 * so that tests own time and nothing ever sleeps to be right.
 */
export interface Timer {
  cancel(): void;
}

export interface Clock {
  /** Milliseconds on the monotonic clock. It never goes back, whatever happens to the wall clock. */
  now(): number;
  /** Milliseconds since the Unix epoch: for people to read, never for timeouts. */
  wallTime(): number;
  /**
   * Calls `task` once, `delayMs` from now, behind whatever has come in by then: a process that was stopped, or was busy,
   * learns first that an endpoint has answered, and then that its time is over. If that was for long, other threads have
   * as long again to say what came in, a second at most. Timeouts are judged by `asOf`: what came in between then and
   * `now()` may not have been heard. The timer does not keep the process alive.
   */
  after(delayMs: number, task: (asOf: number) => void): Timer;
  /** A number in [0, 1). */
  random(): number;
}

/** The longest delay that a Node.js timer holds (2^31 − 1 ms); longer ones would fire at once. */
const maxTimerMs = 2_147_483_647;

/** A timer that is late by so many milliseconds, or more, tells of a process that was stopped. */
const lateMs = 100;
const longestGraceMs = 1_000;

export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  after(delayMs, task) {
    const waitMs = Math.min(Math.max(delayMs, 0), maxTimerMs);
    const dueAt = performance.now() + waitMs;
    let timer: NodeJS.Timeout;
    let behind: NodeJS.Immediate | undefined;
    const start = (ms: number, then: () => void) => {
      timer = setTimeout(then, ms);
      timer.unref();
    };
    // Timers come before sockets in a turn of the event loop, immediates after them.
    const due = () => {
      behind = setImmediate(task, performance.now());
    };
    start(waitMs, () => {
      const late = performance.now() - dueAt;
      if (late < lateMs) due();
      else start(Math.min(late, longestGraceMs), due);
    });
    const cancel = () => {
      clearTimeout(timer);
      clearImmediate(behind);
    };
    return { cancel };
  },
  random: () => Math.random(),
};

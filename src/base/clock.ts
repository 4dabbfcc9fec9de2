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
   * learns first that an endpoint has answered, and then that its time is over. Timeouts are judged by `asOf`, when the
   * task came due: what came in between then and `now()` may not have been heard. The timer does not keep the process alive.
   */
  after(delayMs: number, task: (asOf: number) => void): Timer;
  /** A number in [0, 1). */
  random(): number;
}

/** The longest delay that a Node.js timer holds (2^31 − 1 ms); longer ones would fire at once. */
const maxTimerMs = 2_147_483_647;

export const systemClock: Clock = {
  now: () => performance.now(),
  wallTime: () => Date.now(),
  after(delayMs, task) {
    let behind: NodeJS.Immediate | undefined;
    // Timers come before sockets in a turn of the event loop, immediates after them.
    const due = () => {
      behind = setImmediate(task, performance.now());
    };
    const timer = setTimeout(due, Math.min(Math.max(delayMs, 0), maxTimerMs));
    timer.unref();
    const cancel = () => {
      clearTimeout(timer);
      clearImmediate(behind);
    };
    return { cancel };
  },
  random: () => Math.random(),
};

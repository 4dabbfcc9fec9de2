import type { Problem } from '../base/errors.ts';

/** The right to change what makes VIPs land on a host: one sluice has it, or none. */
export interface Claim {
  /**
   * Makes it this sluice's if it is nobody's. Resolves with what is in the way; `undefined`: it is this sluice's now, or was
   * already. `onFree`: waits in line, and is called once when the next try is worth while. Never rejects.
   */
  take(onFree?: () => void): Promise<Problem | undefined>;
  /** From now on `onWanted` is called when somebody waits for it, at once if somebody does; it is given by `release`. */
  offer(onWanted: () => void): void;
  /** Gives it up, or the place in the line. */
  release(): void;
}

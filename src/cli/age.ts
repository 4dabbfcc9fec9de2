const second = 1_000;
const minute = 60 * second;
const hour = 60 * minute;
const day = 24 * hour;
const year = 365 * day;

interface Step {
  readonly below: number;
  readonly unit: number;
  readonly letter: string;
  readonly rest?: { readonly unit: number; readonly letter: string };
}

/** Below `below` an age is told in `unit`s, and in `rest`s what is left of them. */
const steps: readonly Step[] = [
  { below: 2 * minute, unit: second, letter: 's' },
  { below: 10 * minute, unit: minute, letter: 'm', rest: { unit: second, letter: 's' } },
  { below: 3 * hour, unit: minute, letter: 'm' },
  { below: 8 * hour, unit: hour, letter: 'h', rest: { unit: minute, letter: 'm' } },
  { below: 2 * day, unit: hour, letter: 'h' },
  { below: 8 * day, unit: day, letter: 'd', rest: { unit: hour, letter: 'h' } },
  { below: 2 * year, unit: day, letter: 'd' },
  { below: 8 * year, unit: year, letter: 'y', rest: { unit: day, letter: 'd' } },
  { below: Number.POSITIVE_INFINITY, unit: year, letter: 'y' },
];

/** An age as kubectl tells it: `45s`, `5m`, `2d3h`; the larger, the coarser (`duration.HumanDuration`). */
export function formatAge(ms: number): string {
  const age = Math.max(ms, 0);
  const { unit, letter, rest } = steps.find(({ below }) => age < below) ?? { unit: second, letter: 's' };
  const whole = `${Math.floor(age / unit)}${letter}`;
  const left = rest === undefined ? 0 : Math.floor((age % unit) / rest.unit);
  return left === 0 ? whole : `${whole}${left}${rest?.letter}`;
}

/** The age of what was made at `time` (RFC 3339); `<unknown>` if that is no time. */
export function ageSince(time: string, nowMs: number): string {
  const made = Date.parse(time);
  return Number.isNaN(made) ? '<unknown>' : formatAge(nowMs - made);
}

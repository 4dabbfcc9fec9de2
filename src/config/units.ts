const durationUnitsMs = { ms: 1, s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;
const sizeUnitsBytes = {
  B: 1,
  KiB: 1024,
  MiB: 1024 ** 2,
  GiB: 1024 ** 3,
  kB: 1000,
  KB: 1000,
  MB: 1000 ** 2,
  GB: 1000 ** 3,
} as const;

/** `5s`, `250ms`, `1.5h`, and several parts in a row, `1m30s`. A number without a unit is not a duration, except `0`. */
export const durationPattern = /^(?:0|(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+)$/;
/** `65536` (bytes), `64KiB`, `1.5MiB`; `kB`, `MB` and `GB` are powers of 1000. */
export const sizePattern = /^\d+(?:\.\d+)?(?:B|KiB|MiB|GiB|kB|KB|MB|GB)?$/;

/** Milliseconds, or `undefined` if `text` does not have the form of `durationPattern`. */
export function parseDuration(text: string): number | undefined {
  if (!durationPattern.test(text)) return undefined;
  let ms = 0;
  for (const { groups } of text.matchAll(/(?<amount>[\d.]+)(?<unit>ms|s|m|h|d)/g))
    ms += Number(groups?.amount) * durationUnitsMs[groups?.unit as keyof typeof durationUnitsMs];
  return Math.round(ms);
}

/** The shortest text that `parseDuration` reads as `ms` again; `off` for `Infinity`. */
export function formatDuration(ms: number): string {
  if (ms === Number.POSITIVE_INFINITY) return 'off';
  if (ms === 0) return '0';
  const units = Object.entries(durationUnitsMs).reverse();
  const [unit, size] = units.find(([, unitMs]) => ms % unitMs === 0) ?? ['ms', 1];
  return `${ms / size}${unit}`;
}

/** Bytes, or `undefined` if `text` does not have the form of `sizePattern`. */
export function parseSize(text: string): number | undefined {
  if (!sizePattern.test(text)) return undefined;
  const unit = /[a-zA-Z]+$/.exec(text)?.[0] ?? 'B';
  return Math.round(Number.parseFloat(text) * sizeUnitsBytes[unit as keyof typeof sizeUnitsBytes]);
}

/** The shortest text in powers of 1024 that `parseSize` reads as `bytes` again. */
export function formatSize(bytes: number): string {
  const units = [
    ['GiB', 1024 ** 3],
    ['MiB', 1024 ** 2],
    ['KiB', 1024],
  ] as const;
  const fitting = units.find(([, size]) => bytes > 0 && bytes % size === 0);
  return fitting ? `${bytes / fitting[1]}${fitting[0]}` : `${bytes}B`;
}

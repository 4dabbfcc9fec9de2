/** How numbers are written in the table. */
export const rate = (perSecond: number): string => Math.round(perSecond).toLocaleString('en-US');
/** Of nanoseconds. */
export const microseconds = (ns: number): string => `${(ns / 1e3).toFixed(1)} µs`;
/** Of nanoseconds, for what lasts longer. */
export const wholeMicroseconds = (ns: number): string => `${rate(ns / 1e3)} µs`;
/** Of nanoseconds. */
export const seconds = (ns: number): string => `${(ns / 1e9).toFixed(2)} s`;
export const milliseconds = (ms: number): string => `${ms.toFixed(ms < 10 ? 2 : 0)} ms`;
export const kibibytes = (kib: number): string => `${kib.toFixed(1)} KiB`;

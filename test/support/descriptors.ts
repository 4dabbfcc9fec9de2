import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { reportsFolder } from '../sanitizers/reports.ts';

/**
 * How many descriptors a process has open. The file of a sanitizer is none of its own: ThreadSanitizer opens one when it
 * has something to report of Node.js itself, whenever that is, and keeps it.
 */
export function openDescriptors(pid: number | 'self'): number {
  return openFiles(pid).length;
}

/**
 * Those that are no pipes: the native engine keeps the pipes of bulk streams for the next ones, as many as were in use at
 * once, which is chance.
 */
export function descriptorsBesidePipes(pid: number): number {
  return openFiles(pid).filter((file) => !file.startsWith('pipe:')).length;
}

/** What its descriptors lead to, as readlink(2) of /proc/PID/fd says it. */
export function openFiles(pid: number | 'self'): string[] {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder)
    .map((name) => fileOf(join(folder, name)))
    .filter((file) => file !== undefined)
    .filter((file) => !file.includes(`/${reportsFolder}`));
}

function fileOf(link: string): string | undefined {
  try {
    return readlinkSync(link);
  } catch {
    // It was closed while we looked.
    return undefined;
  }
}

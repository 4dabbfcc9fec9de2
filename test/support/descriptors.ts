import { readdirSync, readlinkSync } from 'node:fs';
import { join } from 'node:path';
import { reportsFolder } from '../sanitizers/reports.ts';

/**
 * How many descriptors a process has open. The file of a sanitizer is none of its own: ThreadSanitizer opens one when it
 * has something to report of Node.js itself, whenever that is, and keeps it.
 */
export function openDescriptors(pid: number | 'self'): number {
  const folder = `/proc/${pid}/fd`;
  return readdirSync(folder).filter((name) => isOwn(join(folder, name))).length;
}

function isOwn(link: string): boolean {
  try {
    return !readlinkSync(link).includes(`/${reportsFolder}`);
  } catch {
    // It was closed while we looked.
    return false;
  }
}

import { stat } from 'node:fs/promises';
import type { Clock } from '../base/clock.ts';
import { Pace } from '../base/pace.ts';
import { askThread, longTextLength } from '../base/thread.ts';
import { type LoadResult, loadConfig } from './load.ts';
import { type Parcel, unpack } from './parcel.ts';

/**
 * `loadConfig` for a process that has traffic: a large file is read by a thread of its own, which takes longer, and gives
 * its memory back. Where there is no thread to be had, it is read as if it were small.
 */
export async function loadWithoutPause(file: string, clock: Clock): Promise<LoadResult> {
  const { size } = await stat(file).catch(() => ({ size: 0 }));
  if (size < longTextLength) return loadConfig(file);
  const asked = await askThread<Parcel>('config/load-thread', file);
  if (asked.kind === 'answered') return unpack(asked.answer, new Pace(clock));
  return asked.kind === 'out-of-memory' ? tooLarge(file) : loadConfig(file);
}

function tooLarge(file: string): LoadResult {
  const message = 'there is not enough memory to read the file; split it into feeds of files, or write it as JSON';
  return { kind: 'invalid', problems: [{ code: 'FILE_TOO_LARGE', message, position: { file, line: 1, column: 1 } }] };
}

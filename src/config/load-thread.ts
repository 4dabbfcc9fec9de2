import { answer } from '../base/thread.ts';
import { loadConfig } from './load.ts';
import { pack } from './parcel.ts';

/** The program of the thread that `loadWithoutPause` starts. */
void answer(async (file: string) => pack(await loadConfig(file)));

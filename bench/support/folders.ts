import { join } from 'node:path';

/** The repository. */
export const rootFolder = join(import.meta.dirname, '..', '..');

/** What the bench builds or downloads; git ignores it and `npm ci` empties it. */
export const cacheFolder = join(rootFolder, 'node_modules', '.cache', 'bench');

export const resultsFolder = join(rootFolder, 'bench', 'results');

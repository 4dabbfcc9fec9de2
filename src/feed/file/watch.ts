import type { FSWatcher } from 'node:fs';
import { watch } from 'node:fs';
import { realpath, stat } from 'node:fs/promises';
import { basename, dirname, resolve } from 'node:path';
import type { Clock, Timer } from '../../base/clock.ts';
import { errorCode } from '../../base/errors.ts';

export interface PathWatcherInit {
  /** A file or a folder; it need not exist yet. */
  readonly path: string;
  readonly clock: Clock;
  /**
   * Called after changes: with the names of the entries of the watched folder that changed, or with `undefined` when it
   * is not known what changed (the poll of a folder, a replaced folder, a change of the watched file itself).
   */
  readonly onChange: (names: ReadonlySet<string> | undefined) => void;
  /** Quiet time after an event before `onChange`: an editor's save is several events. Default 10 ms. */
  readonly debounceMs?: number;
  /** Changes that come without a pause are told this long after the first. Default 200 ms. */
  readonly maxDelayMs?: number;
  /** How often to look without being told, where inotify(7) is missing or blind (network file systems). Default 5 s. */
  readonly pollMs?: number;
}

interface Watch {
  readonly identity: string;
  readonly watcher: FSWatcher;
}

/**
 * Watches a path through everything that replaces it: an editor's rename-over, the swap of a ConfigMap's `..data` link,
 * a folder that is deleted and made again. It watches folders, never the file itself, whose inode a replacement changes.
 */
export class PathWatcher {
  readonly #init: Required<PathWatcherInit>;
  readonly #watches = new Map<string, Watch>();
  #names: Set<string> | undefined = new Set();
  #firstEventAt: number | undefined;
  #debounce: Timer | undefined;
  #poll: Timer | undefined;
  #stamp = '';
  #isClosed = false;

  constructor(init: PathWatcherInit) {
    this.#init = { debounceMs: 10, maxDelayMs: 200, pollMs: 5_000, ...init, path: resolve(init.path) };
  }

  /** Resolves when the path is watched; changes from then on are told. */
  async start(): Promise<void> {
    this.#stamp = await stampOf(this.#init.path);
    await this.#arm();
    this.#schedulePoll();
  }

  close(): void {
    this.#isClosed = true;
    this.#debounce?.cancel();
    this.#poll?.cancel();
    for (const { watcher } of this.#watches.values()) watcher.close();
    this.#watches.clear();
  }

  #schedulePoll(): void {
    if (this.#isClosed) return;
    this.#poll = this.#init.clock.after(this.#init.pollMs, () => {
      void this.#look().then(() => this.#schedulePoll());
    });
  }

  /** A folder's own stamp does not tell of changes inside its files, so for a folder it is always worth a look. */
  async #look(): Promise<void> {
    const stamp = await stampOf(this.#init.path);
    const isChanged = stamp !== this.#stamp || stamp.startsWith('folder');
    this.#stamp = stamp;
    const isNew = await this.#arm();
    if ((isChanged || isNew) && !this.#isClosed) this.#init.onChange(undefined);
  }

  /** Watches the folders that matter now. True if there is a new one: it may have changed unseen. */
  async #arm(): Promise<boolean> {
    const wanted = new Map<string, string>();
    for (const folder of await foldersAround(this.#init.path)) wanted.set(folder, await identityOf(folder));
    if (this.#isClosed) return false;
    for (const [folder, { identity, watcher }] of this.#watches) {
      if (wanted.get(folder) === identity) continue;
      watcher.close();
      this.#watches.delete(folder);
    }
    let isNew = false;
    for (const [folder, identity] of wanted)
      if (identity !== '' && !this.#watches.has(folder)) isNew = this.#watch(folder, identity) || isNew;
    return isNew;
  }

  #watch(folder: string, identity: string): boolean {
    try {
      const watcher = watch(folder, { persistent: false }, (_event, name) => this.#heard(folder, name));
      watcher.on('error', () => this.#unwatch(folder, watcher));
      this.#watches.set(folder, { identity, watcher });
      return true;
    } catch {
      // inotify has its limits (ENOSPC, EMFILE) and the folder may be gone again: the poll goes on without it.
      return false;
    }
  }

  #unwatch(folder: string, watcher: FSWatcher): void {
    watcher.close();
    if (this.#watches.get(folder)?.watcher === watcher) this.#watches.delete(folder);
  }

  #heard(folder: string, name: string | null): void {
    const { path } = this.#init;
    const isInside = folder === path && name !== null && !name.startsWith('..') && name !== basename(path);
    if (isInside) this.#names?.add(name);
    else if (folder === path || name === null || name.startsWith('..') || this.#isOurs(folder, name))
      this.#names = undefined;
    else return;
    this.#wake();
  }

  /** The neighbours of a watched file are nobody's concern. */
  #isOurs(folder: string, name: string): boolean {
    return folder !== dirname(this.#init.path) || name === basename(this.#init.path);
  }

  #wake(): void {
    const { clock, debounceMs, maxDelayMs } = this.#init;
    this.#firstEventAt ??= clock.now();
    const latest = this.#firstEventAt + maxDelayMs - clock.now();
    this.#debounce?.cancel();
    this.#debounce = clock.after(Math.max(0, Math.min(debounceMs, latest)), () => void this.#tell());
  }

  async #tell(): Promise<void> {
    this.#firstEventAt = undefined;
    const names = this.#names;
    this.#names = new Set();
    this.#stamp = await stampOf(this.#init.path);
    const isNew = await this.#arm();
    if (!this.#isClosed) this.#init.onChange(isNew ? undefined : names);
  }
}

/** The folder of the path, the path if it is a folder, and, for links, the folder where the file really is. */
async function foldersAround(path: string): Promise<ReadonlySet<string>> {
  const folders = new Set([dirname(path)]);
  const real = await realpath(path).catch(() => path);
  const info = await stat(path).catch(() => undefined);
  folders.add(info?.isDirectory() ? path : dirname(real));
  return folders;
}

/** Which folder it is, whatever its name; empty if there is none. */
async function identityOf(folder: string): Promise<string> {
  const info = await stat(folder).catch(() => undefined);
  return info?.isDirectory() ? `${info.dev}:${info.ino}` : '';
}

/**
 * Changes when the file or folder at `path` does; two different ones have different stamps. `missing` only if there is
 * none: what cannot be looked at for another reason may be there.
 */
export async function stampOf(path: string): Promise<string> {
  try {
    const info = await stat(path, { bigint: true });
    const { dev, ino, size, mtimeNs, ctimeNs } = info;
    return `${info.isDirectory() ? 'folder' : 'file'}:${dev}:${ino}:${size}:${mtimeNs}:${ctimeNs}`;
  } catch (error) {
    const code = errorCode(error);
    return code === 'ENOENT' || code === 'ENOTDIR' ? 'missing' : code;
  }
}

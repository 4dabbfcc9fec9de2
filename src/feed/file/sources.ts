import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Problem } from '../../base/errors.ts';
import { errorCode } from '../../base/errors.ts';
import { readDocumentFile } from '../../config/read.ts';
import type { Source } from './assemble.ts';
import type { Known } from './manifest-file.ts';
import { parseManifestFile } from './manifest-file.ts';
import { Pace } from './pace.ts';
import type { ManifestFile } from './version.ts';
import { stampOf } from './watch.ts';

/** What is known of one file: its last good version, and what is wrong with it now. */
interface Entry {
  /** The stamp of the version that was read last, good or not. */
  readonly stamp: string;
  readonly content: ManifestFile | undefined;
  readonly problems: readonly Problem[];
}

/** What to read again. */
export interface Look {
  /** Of the entries that are not named: none, those whose stamp has changed, or all. */
  readonly others: 'none' | 'changed' | 'all';
  /** Entries of the folder that are read in any case. */
  readonly names: ReadonlySet<string>;
}

/** Something may have changed somewhere. */
export const lookAround: Look = { others: 'changed', names: new Set() };
/** Everything, changed or not. */
export const lookAgain: Look = { others: 'all', names: new Set() };
export const lookAt = (names: ReadonlySet<string>): Look => ({ others: 'none', names });

/** One look that sees what both see. */
export function bothLooks(one: Look, other: Look): Look {
  const scopes = [one.others, other.others];
  const others = scopes.includes('all') ? 'all' : scopes.includes('changed') ? 'changed' : 'none';
  return { others, names: new Set([...one.names, ...other.names]) };
}

/** The files of one path, each in its last good version. */
export class Sources {
  readonly #path: string;
  readonly #clock: Clock;
  readonly #entries = new Map<string, Entry>();
  /** The keys of `#entries` in order, until one comes or goes. */
  #order: readonly string[] | undefined;
  #pathProblem: Problem | undefined;
  #isComplete = false;

  constructor(path: string, clock: Clock) {
    this.#path = path;
    this.#clock = clock;
  }

  /** In the order of their names. */
  get good(): readonly Source[] {
    return this.#sorted().flatMap(([file, { content }]) => (content === undefined ? [] : [{ file, content }]));
  }

  get problems(): readonly Problem[] {
    const own = this.#pathProblem === undefined ? [] : [this.#pathProblem];
    return [...own, ...this.#sorted().flatMap(([, { problems }]) => problems)];
  }

  /** Whether the path could ever be read: before, "no objects" would be a lie. */
  get isComplete(): boolean {
    return this.#isComplete;
  }

  /** Brings the files up to date. What cannot be read keeps its last good version; never throws for what it finds. */
  async refresh(look: Look, known: Known): Promise<void> {
    const pace = new Pace(this.#clock);
    const kind = await kindOf(this.#path);
    this.#pathProblem = kind.kind === 'unreadable' ? kind.problem : undefined;
    if (kind.kind === 'unreadable') return;
    const files = kind.kind === 'folder' ? await this.#filesOf(look) : [this.#path];
    if (kind.kind === 'file' || look.others !== 'none') this.#keepOnly(new Set(files));
    await inBatches(files, 32, (file) => this.#refreshFile(file, look, kind.kind === 'folder', known, pace));
    this.#isComplete ||= kind.kind === 'folder' || this.good.length > 0;
  }

  #sorted(): readonly [string, Entry][] {
    this.#order ??= [...this.#entries.keys()].sort();
    return this.#order.flatMap((file): [string, Entry][] => {
      const entry = this.#entries.get(file);
      return entry === undefined ? [] : [[file, entry]];
    });
  }

  #set(file: string, entry: Entry): void {
    if (!this.#entries.has(file)) this.#order = undefined;
    this.#entries.set(file, entry);
  }

  #delete(file: string): void {
    if (this.#entries.delete(file)) this.#order = undefined;
  }

  async #filesOf(look: Look): Promise<readonly string[]> {
    const names = look.others === 'none' ? [...look.names] : await readdir(this.#path).catch(() => []);
    return names.filter(isManifestName).map((name) => join(this.#path, name));
  }

  #keepOnly(files: ReadonlySet<string>): void {
    for (const file of this.#entries.keys()) if (!files.has(file)) this.#delete(file);
  }

  async #refreshFile(file: string, look: Look, mayVanish: boolean, known: Known, pace: Pace): Promise<void> {
    const entry = this.#entries.get(file);
    const stamp = await stampOf(file);
    if (stamp === 'missing' && mayVanish) {
      this.#delete(file);
      return;
    }
    // A change within the resolution of the file's times leaves the stamp as it was, so what is named is always read.
    const isNamed = look.names.has(basename(file));
    if (look.others !== 'all' && !isNamed && entry?.stamp === stamp) return;
    this.#set(file, await readEntry(file, stamp, entry?.content, known, pace));
  }
}

async function readEntry(
  file: string,
  stamp: string,
  previous: ManifestFile | undefined,
  known: Known,
  pace: Pace,
): Promise<Entry> {
  const read = await readDocumentFile(file);
  if (read.kind === 'invalid') return { stamp, content: previous, problems: [read.problem] };
  const parsed = await parseManifestFile({ file, bytes: read.bytes, previous, known, pace });
  if (parsed.kind === 'invalid') return { stamp, content: previous, problems: parsed.problems };
  return { stamp, content: parsed.file, problems: [] };
}

/** Not hidden: editors' swap files, and the `..data` of a ConfigMap, whose real names link to what is in there. */
export function isManifestName(name: string): boolean {
  return !name.startsWith('.') && /\.(?:ya?ml|json)$/.test(name);
}

type PathKind = { readonly kind: 'file' | 'folder' } | { readonly kind: 'unreadable'; readonly problem: Problem };

async function kindOf(path: string): Promise<PathKind> {
  try {
    return { kind: (await stat(path)).isDirectory() ? 'folder' : 'file' };
  } catch (error) {
    const code = errorCode(error);
    const message = code === 'ENOENT' ? 'there is no such file or folder' : `it cannot be read (${code})`;
    return {
      kind: 'unreadable',
      problem: { code: 'FILE_UNREADABLE', message, position: { file: path, line: 1, column: 1 } },
    };
  }
}

async function inBatches<Item>(
  items: readonly Item[],
  count: number,
  task: (item: Item) => Promise<void>,
): Promise<void> {
  for (let start = 0; start < items.length; start += count)
    await Promise.all(items.slice(start, start + count).map(task));
}

import { readdir, stat } from 'node:fs/promises';
import { basename, join } from 'node:path';
import type { Clock } from '../../base/clock.ts';
import type { Problem } from '../../base/errors.ts';
import { errorCode } from '../../base/errors.ts';
import { Pace } from '../../base/pace.ts';
import { readDocumentFile } from '../../config/read.ts';
import type { ManifestOptions } from '../manifests.ts';
import type { Source } from './assemble.ts';
import { LongDocuments } from './long-documents.ts';
import type { Known } from './manifest-file.ts';
import { parseManifestFile } from './manifest-file.ts';
import type { ManifestFile } from './version.ts';
import { stampOf } from './watch.ts';

/** What is known of one file: its last good version, and what is wrong with it now. */
interface Entry {
  /** The stamp of the version that was read last, good or not. */
  readonly stamp: string;
  readonly content: ManifestFile | undefined;
  readonly problems: readonly Problem[];
  /** When the version with the stamp was first seen, if it looks half-written; it is not `content` yet. */
  readonly unfinishedSince?: number;
}

/**
 * A version that has lost the end of its last line counts only after it stayed so for this long: most writers are not
 * that slow, and some people's files do end like that.
 */
export const unfinishedMs = 1_000;

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
  readonly #options: ManifestOptions;
  readonly #documents = new LongDocuments();
  readonly #entries = new Map<string, Entry>();
  /** The keys of `#entries` in order, until one comes or goes. */
  #order: readonly string[] | undefined;
  #pathProblem: Problem | undefined;
  #isComplete = false;

  constructor(path: string, clock: Clock, options: ManifestOptions) {
    this.#path = path;
    this.#clock = clock;
    this.#options = options;
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

  /** Whether a file waits for `unfinishedMs` to be over. */
  get isUnfinished(): boolean {
    return [...this.#entries.values()].some(({ unfinishedSince }) => unfinishedSince !== undefined);
  }

  /** Brings the files up to date. What cannot be read keeps its last good version; never throws for what it finds. */
  async refresh(look: Look, known: Known): Promise<void> {
    const pace = new Pace(this.#clock);
    const listing = await this.#list(look);
    this.#pathProblem = listing.kind === 'unreadable' ? listing.problem : undefined;
    if (listing.kind === 'unreadable') return;
    const { kind, files } = listing;
    if (kind === 'file' || look.others !== 'none') this.#keepOnly(new Set(files));
    await inBatches(files, 32, (file) => this.#refreshFile(file, look, kind === 'folder', known, pace));
    this.#isComplete ||= kind === 'folder' || this.good.length > 0;
  }

  async #list(look: Look): Promise<Listing> {
    const path = this.#path;
    try {
      if (!(await stat(path)).isDirectory()) return { kind: 'file', files: [path] };
      const names = look.others === 'none' ? [...look.names] : await readdir(path);
      return { kind: 'folder', files: names.filter(isManifestName).map((name) => join(path, name)) };
    } catch (error) {
      const code = errorCode(error);
      const message = code === 'ENOENT' ? 'there is no such file or folder' : `it cannot be read (${code})`;
      const position = { file: path, line: 1, column: 1 };
      return { kind: 'unreadable', problem: { code: 'FILE_UNREADABLE', message, position } };
    }
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
    const isSettled = entry?.stamp === stamp && entry.unfinishedSince === undefined;
    if (look.others !== 'all' && !isNamed && isSettled) return;
    const read = await readDocumentFile(file);
    const content = entry?.content;
    if (read.kind === 'invalid') return this.#set(file, { stamp, content, problems: [read.problem] });
    const since = this.#unfinishedSince(stamp, entry);
    if (look.others !== 'all' && isHalf(read.bytes, content?.bytes) && this.#clock.now() - since < unfinishedMs)
      return this.#set(file, { stamp, content, problems: [unfinished(file)], unfinishedSince: since });
    const [options, documents] = [this.#options, this.#documents];
    const { bytes } = read;
    const parsed = await parseManifestFile({ file, bytes, previous: content, known, pace, documents, options });
    if (parsed.kind === 'invalid') this.#set(file, { stamp, content, problems: parsed.problems });
    else this.#set(file, { stamp, content: parsed.file, problems: [] });
  }

  #unfinishedSince(stamp: string, entry: Entry | undefined): number {
    const now = this.#clock.now();
    return entry?.stamp === stamp ? (entry.unfinishedSince ?? now) : now;
  }
}

/** A whole YAML text can end anywhere, so its syntax does not show it: but the last line had an end before. */
function isHalf(bytes: Buffer, before: Buffer | undefined): boolean {
  return before?.at(-1) === 0x0a && bytes.at(-1) !== 0x0a;
}

function unfinished(file: string): Problem {
  const message = 'the last line has no end, so the file may be half-written; end it, or wait some seconds';
  return { code: 'FILE_UNFINISHED', message, position: { file, line: 1, column: 1 } };
}

/** Not hidden: editors' swap files, and the `..data` of a ConfigMap, whose real names link to what is in there. */
function isManifestName(name: string): boolean {
  return !name.startsWith('.') && /\.(?:ya?ml|json)$/.test(name);
}

type Listing =
  | { readonly kind: 'file' | 'folder'; readonly files: readonly string[] }
  | { readonly kind: 'unreadable'; readonly problem: Problem };

async function inBatches<Item>(
  items: readonly Item[],
  count: number,
  task: (item: Item) => Promise<void>,
): Promise<void> {
  for (let start = 0; start < items.length; start += count)
    await Promise.all(items.slice(start, start + count).map(task));
}

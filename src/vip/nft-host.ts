import type { Problem } from '../base/errors.ts';
import { type RunCommand, understand } from './command.ts';
import { forgetUdp, type UdpDestination } from './conntrack.ts';
import type { HostState, Redirect } from './host.ts';
import { family, tableName } from './nft-frame.ts';
import { type ActualTable, planNft, tableOf } from './nft-plan.ts';
import { readTable } from './nft-read.ts';
import type { Applied } from './part.ts';

type ReadTable =
  | { readonly kind: 'ok'; readonly table: ActualTable | undefined }
  /** `harmless`: without the program, or nftables in the kernel, there can be no table. */
  | { readonly kind: 'failed'; readonly problem: Problem; readonly harmless: boolean };

const list = ['-j', 'list', 'table', family, tableName];

/** The table `inet sluice`, by way of nft(8). No other table is looked at. */
export class NftHost {
  readonly #run: RunCommand;
  /** What the table was made last, without a failure. */
  #made: Redirect | undefined;
  #hasTable = false;
  /** Moved, and not forgotten yet: without conntrack(8), for as long as it is missing. */
  #remembered: ReadonlyMap<string, UdpDestination> = new Map();

  constructor(run: RunCommand) {
    this.#run = run;
  }

  /** Whether the table was on the host at the end of the last `sync`. */
  get hasTable(): boolean {
    return this.#hasTable;
  }

  /**
   * Makes the table be as desired, in one transaction; then the kernel forgets the UDP clients of what moved. Another
   * state than the last one is compared with the last one, which is quicker than to look; the same again is a check,
   * and looks. If the host was changed meanwhile, the transaction fails and is made again from what is there.
   */
  async sync({ redirect }: HostState): Promise<Applied> {
    const made = this.#made;
    this.#made = undefined;
    if (made !== undefined && made !== redirect && redirect !== undefined) {
      const applied = await this.#change(redirect, tableOf(made));
      if (applied.problems.length === 0) return applied;
    }
    const read = await this.read();
    this.#hasTable = read.kind === 'ok' ? read.table !== undefined : this.#hasTable && !read.harmless;
    if (read.kind === 'failed')
      return { changes: 0, problems: redirect === undefined && read.harmless ? [] : [read.problem] };
    return this.#change(redirect, read.table);
  }

  async #change(redirect: Redirect | undefined, table: ActualTable | undefined): Promise<Applied> {
    const { commands, movedUdp } = planNft(redirect, table);
    if (commands.length > 0) {
      const result = await this.#run('nft', ['-j', '-f', '-'], JSON.stringify({ nftables: commands }));
      if (result.kind === 'failed') return { changes: commands.length, problems: [result.problem] };
    }
    this.#made = redirect;
    this.#hasTable = redirect !== undefined;
    return { changes: commands.length, problems: await this.#forget(movedUdp) };
  }

  async #forget(moved: readonly UdpDestination[]): Promise<readonly Problem[]> {
    const all = new Map(this.#remembered);
    for (const destination of moved) all.set(`${destination.address} ${destination.port}`, destination);
    const problems = await forgetUdp(this.#run, [...all.values()]);
    this.#remembered = problems.length === 0 ? new Map() : all;
    return problems;
  }

  async read(): Promise<ReadTable> {
    const result = await this.#run('nft', list);
    if (result.kind === 'ok') {
      const read = understand(`nft ${list.join(' ')}`, result.stdout, readTable);
      return read.kind === 'ok' ? { kind: 'ok', table: read.value } : { ...read, harmless: false };
    }
    if (/No such file or directory/.test(result.stderr)) return { kind: 'ok', table: undefined };
    return { ...result, harmless: result.missing || /not supported/i.test(result.stderr) };
  }
}

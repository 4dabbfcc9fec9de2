import type { Problem } from '../base/errors.ts';
import { type RunCommand, understand } from './command.ts';
import { forgetUdp } from './conntrack.ts';
import type { HostState } from './host.ts';
import { family, tableName } from './nft-frame.ts';
import { type ActualTable, planNft } from './nft-plan.ts';
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

  constructor(run: RunCommand) {
    this.#run = run;
  }

  /** Makes the table be as desired, in one transaction; then the kernel forgets the UDP clients of what moved. */
  async sync({ redirect }: HostState): Promise<Applied> {
    const read = await this.read();
    if (read.kind === 'failed')
      return { changes: 0, problems: redirect === undefined && read.harmless ? [] : [read.problem] };
    const { commands, movedUdp } = planNft(redirect, read.table);
    if (commands.length === 0) return { changes: 0, problems: [] };
    const result = await this.#run('nft', ['-j', '-f', '-'], JSON.stringify({ nftables: commands }));
    if (result.kind === 'failed') return { changes: commands.length, problems: [result.problem] };
    return { changes: commands.length, problems: await forgetUdp(this.#run, movedUdp) };
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

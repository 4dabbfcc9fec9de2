import { z } from 'zod';
import type { IpFamily } from '../model/address.ts';
import { type CommandResult, type RunCommand, understand } from './command.ts';
import type { HostState } from './host.ts';
import { localMark, type MarkedRouting, markedFamilies, markTable, planMarked } from './mark-plan.ts';
import type { Applied, HostPart } from './part.ts';

const rulesSchema = z.array(z.object({ fwmark: z.string().optional() }));
const routesSchema = z.array(z.object({ type: z.string().optional(), dst: z.string() }));

/** Reads what `ip -j rule show table N` and `ip -j route show table N` say; some versions print nothing where there is nothing. */
function readMarked(rules: string, routes: string): MarkedRouting {
  const marked = rulesSchema.parse(JSON.parse(rules.trim() || '[]'));
  const local = routesSchema.parse(JSON.parse(routes.trim() || '[]'));
  return {
    rule: marked.some(({ fwmark }) => Number(fwmark) === localMark),
    route: local.some(({ type, dst }) => type === 'local' && dst === 'default'),
  };
}

const flags = { IPv4: '-4', IPv6: '-6' } as const;

/** The rule and the route by which packets with `localMark` are local, by way of ip(8). No other rule or table is looked at. */
export class MarkHost implements HostPart {
  readonly #run: RunCommand;
  /** Families that were seen to have neither, and got neither since: most hosts, which are not asked again and again. */
  readonly #clean = new Set<IpFamily>();

  constructor(run: RunCommand) {
    this.#run = run;
  }

  async sync(desired: HostState): Promise<Applied> {
    const wanted = markedFamilies(desired);
    const applied = await Promise.all(
      (['IPv4', 'IPv6'] as const).map((family) => this.#syncFamily(family, wanted.has(family))),
    );
    return {
      changes: applied.reduce((sum, { changes }) => sum + changes, 0),
      problems: applied.flatMap(({ problems }) => problems),
    };
  }

  async #syncFamily(family: IpFamily, isDesired: boolean): Promise<Applied> {
    if (!isDesired && this.#clean.has(family)) return { changes: 0, problems: [] };
    this.#clean.delete(family);
    const [rules, routes] = await Promise.all([this.#show(family, 'rule'), this.#show(family, 'route')]);
    for (const result of [rules, routes])
      if (result.kind === 'failed') return { changes: 0, problems: [result.problem] };
    const [ruleText = '', routeText = ''] = [rules, routes].map((result) =>
      result.kind === 'ok' ? result.stdout : '',
    );
    const read = understand('ip -j rule show', '', () => readMarked(ruleText, routeText));
    if (read.kind === 'failed') return { changes: 0, problems: [read.problem] };
    return this.#change(family, isDesired, planMarked(isDesired, read.value));
  }

  async #change(family: IpFamily, isDesired: boolean, lines: readonly string[]): Promise<Applied> {
    const words = [flags[family], '-batch', '-'];
    const result =
      lines.length === 0 ? undefined : await this.#run('ip', words, lines.map((line) => `${line}\n`).join(''));
    if (result?.kind === 'failed') return { changes: lines.length, problems: [result.problem] };
    if (!isDesired) this.#clean.add(family);
    return { changes: lines.length, problems: [] };
  }

  /** Where the table is not there, or the family is off, there is nothing in it. */
  async #show(family: IpFamily, what: 'rule' | 'route'): Promise<CommandResult> {
    const result = await this.#run('ip', ['-j', flags[family], what, 'show', 'table', `${markTable}`]);
    const isAbsent = result.kind === 'failed' && /table does not exist|not supported/i.test(result.stderr);
    return isAbsent ? { kind: 'ok', stdout: '' } : result;
  }
}

import { z } from 'zod';
import type { Problem } from '../base/errors.ts';
import { type Ip, parseIp } from '../model/address.ts';
import { type CommandResult, failedMessage, type RunCommand, understand } from './command.ts';
import type { HostState } from './host.ts';
import type { ActualAddress, ActualIp } from './ip-plan.ts';
import { addressMark, ipBatchLine, planIp, routeMark } from './ip-plan.ts';
import type { Applied } from './part.ts';

const addressesSchema = z.array(
  z.object({
    ifname: z.string().optional(),
    addr_info: z
      .array(z.object({ local: z.string().optional(), prefixlen: z.number(), metric: z.number().optional() }))
      .optional(),
  }),
);
const routesSchema = z.array(z.object({ dst: z.string() }));

/** Reads what `ip -j address show` says. */
export function readAddresses(json: string): ActualAddress[] {
  return addressesSchema.parse(parseJson(json)).flatMap(({ ifname, addr_info = [] }) =>
    addr_info.flatMap(({ local = '', prefixlen, metric }): ActualAddress[] => {
      const address = parseIp(local);
      if (address === undefined || ifname === undefined) return [];
      const isHost = prefixlen === (address.includes(':') ? 128 : 32);
      return [{ address, interface: ifname, prefix: prefixlen, ours: isHost && metric === addressMark }];
    }),
  );
}

/** Reads what `ip -j route show table local proto N` says; a route to one address has no prefix length there. */
export function readRoutes(json: string): string[] {
  return routesSchema.parse(parseJson(json)).map(({ dst }) => {
    if (dst.includes('/')) return dst;
    return `${dst}/${dst.includes(':') ? 128 : 32}`;
  });
}

/** `ip -j` of some versions prints nothing where there is nothing. */
function parseJson(json: string): unknown {
  return json.trim() === '' ? [] : JSON.parse(json);
}

const showAddresses = ['-j', 'address', 'show'];
const showRoutes = ['-j', 'route', 'show', 'table', 'local', 'proto', `${routeMark}`];

/** Addresses and AnyIP routes, by way of ip(8). */
export class IpHost {
  readonly #run: RunCommand;
  #ours: ReadonlySet<Ip> = new Set();

  constructor(run: RunCommand) {
    this.#run = run;
  }

  /** The addresses that are on this host because of sluice, as of the last `sync`. */
  get ours(): ReadonlySet<Ip> {
    return this.#ours;
  }

  /** Makes the host's addresses and routes what is desired. What somebody else made is not touched. */
  async sync(desired: HostState): Promise<Applied> {
    const read = await this.read();
    if (read.kind === 'failed') return { changes: 0, problems: [read.problem] };
    const foreign = new Set(read.actual.addresses.filter(({ ours }) => !ours).map(({ address }) => address));
    this.#ours = new Set([...desired.addresses].filter((address) => !foreign.has(address)));
    const changes = planIp(desired, read.actual);
    if (changes.length === 0) return { changes: 0, problems: [] };
    const batch = `${changes.map(ipBatchLine).join('\n')}\n`;
    // -force: one address that cannot be added takes nothing from the others.
    const result = await this.#run('ip', ['-force', '-batch', '-'], batch);
    return { changes: changes.length, problems: result.kind === 'ok' ? [] : batchProblems(result, batch) };
  }

  async read(): Promise<{ kind: 'ok'; actual: ActualIp } | { kind: 'failed'; problem: Problem }> {
    const results = await Promise.all([this.#run('ip', showAddresses), this.#routes('-4'), this.#routes('-6')]);
    const failed = results.find((result) => result.kind === 'failed');
    if (failed?.kind === 'failed') return failed;
    const [addresses = '', ...routes] = results.map((result) => (result.kind === 'ok' ? result.stdout : ''));
    const read = () => ({ addresses: readAddresses(addresses), routes: routes.flatMap(readRoutes) });
    const understood = understand('ip -j', '', read);
    return understood.kind === 'ok' ? { kind: 'ok', actual: understood.value } : understood;
  }

  /** Where a family is off, or its loopback was never up, there is no table and so nothing in it. */
  async #routes(family: '-4' | '-6'): Promise<CommandResult> {
    const result = await this.#run('ip', [family, ...showRoutes]);
    const isAbsent = result.kind === 'failed' && /table does not exist|not supported/i.test(result.stderr);
    return isAbsent ? { kind: 'ok', stdout: '' } : result;
  }
}

/** ip(8) says `Command failed -:3` for the third line. What has failed for the same cause is one problem. */
function batchProblems(result: CommandResult & { kind: 'failed' }, batch: string): Problem[] {
  const lines = batch.split('\n');
  const failed = [...result.stderr.matchAll(/(?<said>[^\n]*)\nCommand failed -:(?<line>\d+)/g)];
  if (failed.length === 0) return [result.problem];
  const byCause = new Map<string, string[]>();
  for (const { groups } of failed) {
    const said = groups?.said ?? '';
    byCause.set(said, [...(byCause.get(said) ?? []), `ip ${lines[Number(groups?.line) - 1] ?? ''}`]);
  }
  return Array.from(byCause, ([said, [first = '', ...others]]) => {
    const more = others.length === 0 ? '' : ` (and ${others.length} more like it)`;
    return { code: 'VIP_COMMAND_FAILED', message: failedMessage(first, said + more) };
  });
}

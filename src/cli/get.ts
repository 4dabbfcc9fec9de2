import { setTimeout as sleep } from 'node:timers/promises';
import { Command, Option } from 'commander';
import { stringify } from 'yaml';
import type { ListResponse } from '../admin/shapes.ts';
import { systemClock } from '../base/clock.ts';
import { formatProblem } from '../base/errors.ts';
import { type AdminClient, isAway } from './admin-client.ts';
import { type AskingOptions, adminOption, asking, splitName, tellNotFound, usageError } from './asking.ts';
import { tellOfFeeds } from './feed-notices.ts';
import { type AnyResource, type Column, resourceNames, resourceOf } from './resources.ts';
import { Seen } from './seen.ts';
import { TextTable } from './text-table.ts';

interface GetOptions extends AskingOptions {
  readonly namespace: string;
  readonly allNamespaces?: true;
  readonly selector?: string;
  readonly output?: 'wide' | 'yaml' | 'json' | 'name';
  readonly watch?: true;
}

interface Wanted {
  readonly resource: AnyResource;
  readonly names: readonly string[];
}

/** How often `--watch` looks. */
const watchMs = 500;

/** `sluice get services|endpoints|frontends|sessions [NAME...]`, as `kubectl get`. */
export function getCommand(): Command {
  return new Command('get')
    .description(`list what a running sluice serves: ${resourceNames.join(', ')}`)
    .argument('<type>', 'services (svc), endpoints (ep), frontends (fe), sessions; or TYPE/NAME')
    .argument('[name...]', 'only these: names of services, VIP:PORT of frontends, client addresses of sessions')
    .option('-n, --namespace <namespace>', 'the namespace', 'default')
    .option('-A, --all-namespaces', 'all namespaces')
    .option('-l, --selector <selector>', 'by labels of the service: k=v, k!=v, k in (a, b), k notin (a, b), k, !k')
    .addOption(
      new Option('-o, --output <format>', 'more columns, or another form').choices(['wide', 'yaml', 'json', 'name']),
    )
    .option('-w, --watch', 'go on, and print what changes')
    .addOption(adminOption())
    .action((type: string, names: readonly string[], options: GetOptions) =>
      asking(options, async (client) => {
        const wanted = parseWanted([type, ...names]);
        checkOptions(wanted, options);
        const items = await list(client, wanted, options);
        await tellOfFeeds(client);
        if (options.watch) await watch(client, wanted, options, items);
        else print(wanted, options, items);
      }),
    );
}

/** `TYPE NAME...` or `TYPE/NAME...`, of one type. */
function parseWanted(words: readonly string[]): Wanted {
  const [first = '', ...rest] = words;
  const [type, name] = splitName(first);
  const resource = resourceOf(type);
  if (resource === undefined)
    throw usageError(`there is no type ${JSON.stringify(type)}: there are ${resourceNames.join(', ')}`);
  if (name === undefined) return { resource, names: rest };
  const names = words.map((word) => {
    const [otherType, otherName] = splitName(word);
    if (otherName === undefined || resourceOf(otherType) !== resource)
      throw usageError('write TYPE NAME... or TYPE/NAME..., of one type');
    return otherName;
  });
  return { resource, names };
}

function checkOptions({ resource, names }: Wanted, { allNamespaces, selector }: GetOptions): void {
  if (names.length > 0 && selector !== undefined) throw usageError('names and a selector cannot be used together');
  // The addresses of frontends and clients say nothing of a namespace.
  const isNamespaced = resource.name === 'services' || resource.name === 'endpoints';
  if (names.length > 0 && allNamespaces && isNamespaced)
    throw usageError('a resource cannot be retrieved by name across all namespaces');
}

async function list(
  client: AdminClient,
  { resource, names }: Wanted,
  options: GetOptions,
): Promise<readonly unknown[]> {
  const parameters = new URLSearchParams();
  if (!options.allNamespaces) parameters.set('namespace', options.namespace);
  if (options.selector !== undefined) parameters.set('labelSelector', options.selector);
  for (const name of names) parameters.append('name', name);
  const answer = await client.get(`/get/${resource.name}`, parameters);
  if (answer.kind === 'ok') return inOrderOf(names, (answer.value as ListResponse<unknown>).items, resource);
  throw usageError(answer.kind === 'bad-request' ? answer.message : 'this sluice is too old to be asked');
}

/** As they were asked for. */
function inOrderOf(names: readonly string[], items: readonly unknown[], resource: AnyResource): readonly unknown[] {
  const place = (item: unknown) => names.findIndex((name) => resource.names(item).includes(name));
  return names.length < 2 ? items : items.toSorted((one, other) => place(one) - place(other));
}

/** A sluice that is started again is waited for, and told of once; whatever else is wrong is thrown. */
async function listAgain(client: AdminClient, wanted: Wanted, options: GetOptions): Promise<readonly unknown[]> {
  for (let isTold = false; ; isTold = true) {
    try {
      return await list(client, wanted, options);
    } catch (error) {
      if (!isAway(error)) throw error;
      if (!isTold) process.stderr.write(`${error.problems.map(formatProblem).join('\n')}; it is waited for\n`);
      await sleep(watchMs);
    }
  }
}

function print({ resource, names }: Wanted, options: GetOptions, items: readonly unknown[]): void {
  const missing = names.filter((name) => !items.some((item) => resource.names(item).includes(name)));
  if (items.length > 0 || isDocument(options)) process.stdout.write(text(resource, options, items, names.length === 1));
  else if (missing.length === 0) process.stderr.write(`No resources found${inNamespace(options)}\n`);
  for (const name of missing) tellNotFound(resource.name, name);
}

function isDocument({ output }: GetOptions): boolean {
  return output === 'json' || output === 'yaml';
}

function inNamespace({ allNamespaces, namespace }: GetOptions): string {
  return allNamespaces ? '' : ` in ${namespace} namespace.`;
}

function text(resource: AnyResource, options: GetOptions, items: readonly unknown[], isOne: boolean): string {
  const { output } = options;
  if (output === 'name') return items.map((item) => `${resource.id(item)}\n`).join('');
  if (output === 'json' || output === 'yaml')
    return documentOf(output, isOne && items.length === 1 ? items[0] : listOf(items));
  const columns = columnsOf(resource, options);
  return new TextTable(columns.map(({ header }) => header)).print(rowsOf(columns, items));
}

/** What YAML 1.1 reads as something else than text (`yes`, a time) is quoted: other readers are of 1.1. */
function documentOf(output: 'json' | 'yaml', value: unknown): string {
  return output === 'json' ? `${JSON.stringify(value, undefined, 4)}\n` : stringify(value, { version: '1.1' });
}

function listOf(items: readonly unknown[]): ListResponse<unknown> {
  return { apiVersion: 'v1', kind: 'List', items };
}

function columnsOf(resource: AnyResource, { allNamespaces, output }: GetOptions): readonly Column<unknown>[] {
  const columns = resource.columns.filter(({ wide }) => !wide || output === 'wide');
  return allNamespaces ? [{ header: 'NAMESPACE', cell: resource.namespace }, ...columns] : columns;
}

function rowsOf(columns: readonly Column<unknown>[], items: readonly unknown[]): readonly (readonly string[])[] {
  const now = systemClock.wallTime();
  return items.map((item) => columns.map(({ cell }) => cell(item, now)));
}

/**
 * Prints `items`, then for ever what is new, what has changed, and once more what is gone: as kubectl does, which does
 * not tell these apart either. What only became older has not changed.
 */
async function watch(
  client: AdminClient,
  wanted: Wanted,
  options: GetOptions,
  first: readonly unknown[],
): Promise<never> {
  const { resource } = wanted;
  const columns = columnsOf(resource, options);
  const table = new TextTable(columns.map(({ header }) => header));
  const seen = new Seen(resource, columns);
  for (let items = first; ; items = await listAgain(client, wanted, options)) {
    const news = seen.look(items);
    if (options.output === undefined || options.output === 'wide') {
      if (news.length > 0) process.stdout.write(table.print(rowsOf(columns, news)));
    } else for (const item of news) process.stdout.write(text(resource, options, [item], true));
    await sleep(watchMs);
  }
}

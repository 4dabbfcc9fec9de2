import { Command } from 'commander';
import { nodeView } from '../app/node-watch.ts';
import { systemClock } from '../base/clock.ts';

import type { Problem } from '../base/errors.ts';
import { formatProblem } from '../base/errors.ts';
import { parseDocument } from '../config/document.ts';
import { type FeedConfig, loadConfig } from '../config/load.ts';
import { readDocumentFile } from '../config/read.ts';
import { splitDocuments } from '../config/split.ts';
import { formatDuration } from '../config/units.ts';
import type { Feed, FeedState } from '../feed/feed.ts';
import { FileFeed } from '../feed/file/file-feed.ts';
import { InlineFeed } from '../feed/inline.ts';
import { isManifest } from '../feed/manifests.ts';
import { formatAddressPort } from '../model/address.ts';
import type { NodeView } from '../model/node.ts';
import type { ServiceSettings } from '../model/settings.ts';
import { defaultSettings } from '../model/settings.ts';
import type { Endpoint, Frontend, Snapshot } from '../model/snapshot.ts';
import { emptySnapshot } from '../model/snapshot.ts';
import { buildSnapshot } from '../table/build.ts';
import { formatTable } from './text-table.ts';

/** What one argument of `sluice check` stands for. */
interface Checked {
  readonly feeds: readonly { readonly name: string; readonly state: FeedState }[];
  readonly settings: ServiceSettings;
  readonly node: NodeView;
  readonly problems: readonly Problem[];
}

/** How the feeds of one argument are read. */
type Reading = Pick<Checked, 'settings' | 'node'>;

const nothingThere = 'nothing is wrong, and nothing here makes a frontend (no API server is asked)\n';

/** `sluice check FILE...`: exit code 0 if nothing is wrong, 1 otherwise. */
export function checkCommand(): Command {
  return new Command('check')
    .description('validate configurations and Kubernetes manifests, and print the frontends that they make')
    .argument('<file...>', 'process configurations, and files or folders of manifests')
    .action(async (files: readonly string[]) => {
      const { table, problems } = await check(files);
      process.stdout.write(table);
      if (table === '' && problems.length === 0) process.stderr.write(nothingThere);
      for (const problem of problems) process.stderr.write(`${formatProblem(problem)}\n`);
      process.exitCode = problems.length > 0 ? 1 : 0;
    });
}

/**
 * Reads the files as `sluice run` would and nothing more: it listens nowhere. A configuration stands for itself with its
 * feeds; all manifests stand together, as a Service and its EndpointSlices may be in different files.
 */
export async function check(files: readonly string[]): Promise<{ table: string; problems: readonly Problem[] }> {
  const checked: Checked[] = [];
  const manifests: string[] = [];
  for (const file of files) {
    if (await holdsManifests(file)) manifests.push(file);
    else checked.push(await checkConfig(file));
  }
  if (manifests.length > 0)
    checked.push(
      await checkFeeds(
        manifests.map((path, index) => fileFeed(path, index)),
        nothingSaid(),
      ),
    );
  const snapshots = checked.map((one) => buildSnapshot(one, emptySnapshot));
  const rows = snapshots.flatMap(({ snapshot }) => [...frontendsOf(snapshot).map(row), ...notProxied(snapshot)]);
  const problems = [...checked.flatMap((one) => one.problems), ...snapshots.flatMap((one) => one.problems)];
  return { table: rows.length > 0 ? formatTable(header, rows) : '', problems };
}

/** A folder is always one of manifests; a file is one if its first document with any content says its kind. */
async function holdsManifests(file: string): Promise<boolean> {
  const read = await readDocumentFile(file);
  if (read.kind === 'invalid') return read.problem.message.startsWith('this is a directory');
  for (const { start, end } of splitDocuments(read.bytes)) {
    const document = parseDocument(read.bytes.toString('utf8', start, end));
    if (document.kind === 'ok' && document.value !== null) return isManifest(document.value);
  }
  return false;
}

async function checkConfig(file: string): Promise<Checked> {
  const loaded = await loadConfig(file);
  if (loaded.kind === 'invalid') return { feeds: [], ...nothingSaid(), problems: loaded.problems };
  const { inline, feeds, settings, node, serviceProxyName } = loaded.config;
  return checkFeeds([new InlineFeed(inline), ...fileFeeds(feeds, serviceProxyName)], {
    settings,
    node: nodeView(node),
  });
}

function nothingSaid(): Reading {
  return { settings: defaultSettings, node: nodeView({ podCidrs: [], nodePortAddresses: [] }) };
}

/** An API server is not asked: what it says is nobody's configuration. */
function fileFeeds(feeds: readonly FeedConfig[], proxyName: string | undefined): readonly Feed[] {
  return feeds.flatMap((feed, index) => (feed.kind === 'file' ? [fileFeed(feed.path, index, proxyName)] : []));
}

function fileFeed(path: string, index: number, serviceProxyName?: string): Feed {
  return new FileFeed({ name: `file-${index + 1}`, path, clock: systemClock, serviceProxyName });
}

async function checkFeeds(feeds: readonly Feed[], reading: Reading): Promise<Checked> {
  const results = await Promise.all(feeds.map(readOnce));
  return {
    feeds: results.map(({ name, state }) => ({ name, state })),
    ...reading,
    problems: results.flatMap(({ problems }) => problems),
  };
}

async function readOnce(feed: Feed): Promise<{ name: string; state: FeedState; problems: readonly Problem[] }> {
  const result = {
    name: feed.name,
    state: { services: [], slices: [] } as FeedState,
    problems: [] as readonly Problem[],
  };
  const sync = (state: FeedState) => {
    result.state = state;
  };
  const report = (problems: readonly Problem[]) => {
    result.problems = problems;
  };
  await feed.start({ sync, report });
  await feed.close();
  return result;
}

const header = ['FRONTEND', 'SERVICE', 'POLICY', 'AFFINITY', 'ENDPOINTS'];

function frontendsOf({ frontends }: Snapshot): readonly Frontend[] {
  return [...frontends.values()];
}

function row({ key, servicePort }: Frontend): readonly string[] {
  const { service, portName, settings, affinityTimeoutMs, endpoints } = servicePort;
  return [
    key,
    portName === '' ? service : `${service}:${portName}`,
    settings.policy,
    affinityTimeoutMs === undefined ? '-' : `ClientIP ${formatDuration(affinityTimeoutMs)}`,
    endpoints.length > 0 ? endpoints.map(cell).join(', ') : 'none',
  ];
}

/** Right, and without any frontend: whoever looks for a service finds why. */
function notProxied({ services }: Snapshot): readonly (readonly string[])[] {
  return [...services.values()].flatMap(({ key, notProxied: reason }) =>
    reason === undefined ? [] : [['-', key, '-', '-', `not proxied (${reason})`]],
  );
}

function cell({ address, port, weight, ready }: Endpoint): string {
  return `${formatAddressPort(address, port)}${weight === 1 ? '' : `×${weight}`}${ready ? '' : ' (not ready)'}`;
}

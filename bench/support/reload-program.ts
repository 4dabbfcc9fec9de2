/**
 * `reload-program.ts (folder|file) SERVICES CHANGES`: a file feed and a table as the program has them, with SERVICES
 * services of ten endpoints each; then one endpoint changes, CHANGES times. Prints
 * `{"firstMs": …, "changesMs": […]}`: from the new file in place to the new snapshot, the debounce included.
 */
import { mkdir, mkdtemp, rename, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { systemClock } from '../../src/base/clock.ts';
import { FileFeed } from '../../src/feed/file/file-feed.ts';
import { defaultSettings } from '../../src/model/settings.ts';
import { Table } from '../../src/table/table.ts';

const endpointsPerService = 10;

/** A service and its slice; `version` is in the address of the first endpoint. */
function manifests(index: number, version: number): string {
  const name = `s${index}`;
  const pod = (endpoint: number) =>
    `127.${100 + (endpoint === 0 ? version % 100 : 0)}.${endpoint}.${1 + (index % 250)}`;
  const endpoints = Array.from({ length: endpointsPerService }, (_, endpoint) => `  - addresses: [${pod(endpoint)}]\n`);
  return `apiVersion: v1
kind: Service
metadata: { name: ${name}, namespace: default }
spec:
  clusterIP: 127.90.${Math.floor(index / 250)}.${1 + (index % 250)}
  ports: [{ name: http, port: 8080, protocol: TCP, targetPort: 8080 }]
---
apiVersion: discovery.k8s.io/v1
kind: EndpointSlice
metadata: { name: ${name}-1, namespace: default, labels: { kubernetes.io/service-name: ${name} } }
addressType: IPv4
ports: [{ name: http, port: 8080, protocol: TCP }]
endpoints:
${endpoints.join('')}`;
}

/** Writes the next version elsewhere; the function that it resolves to puts it in place at once, as deployments do. */
async function prepared(folder: string, path: string, text: string): Promise<() => Promise<void>> {
  const next = join(folder, 'next');
  await writeFile(next, text);
  return () => rename(next, path);
}

/** The whole of a source: where it is, and how the next version of service 0 is prepared. */
async function layOut(form: string, folder: string, services: number) {
  const path = join(folder, 'services');
  const texts = Array.from({ length: services }, (_, index) => manifests(index, 0));
  if (form === 'folder') {
    await mkdir(path);
    for (const [index, text] of texts.entries()) await writeFile(join(path, `s${index}.yaml`), text);
    return { path, next: (version: number) => prepared(folder, join(path, 's0.yaml'), manifests(0, version)) };
  }
  const [first, ...others] = texts;
  const rest = others.join('---\n');
  await writeFile(path, `${first}---\n${rest}`);
  return { path, next: (version: number) => prepared(folder, path, `${manifests(0, version)}---\n${rest}`) };
}

async function measure(form: string, folder: string, services: number, changes: number) {
  const { path, next } = await layOut(form, folder, services);
  let published = () => {};
  const table = new Table({
    settings: defaultSettings,
    schedule: (task) => void setImmediate(task),
    onSnapshot: () => published(),
  });
  const feed = new FileFeed({ name: 'file', path, clock: systemClock });
  const startedAt = performance.now();
  await feed.start(table.feed('file', 0));
  table.open();
  const firstMs = performance.now() - startedAt;
  if (table.snapshot.frontends.size !== services) throw new Error(`${table.snapshot.frontends.size} frontends`);
  const changesMs: number[] = [];
  // Nothing but the feed's watch holds this process, and that does not keep it alive.
  const alive = setInterval(() => {}, 1_000);
  for (let version = 1; version <= changes; version++) {
    const seen = new Promise<void>((resolve) => {
      published = resolve;
    });
    const putInPlace = await next(version);
    const changedAt = performance.now();
    await putInPlace();
    await seen;
    changesMs.push(performance.now() - changedAt);
  }
  clearInterval(alive);
  await feed.close();
  return { firstMs, changesMs };
}

const [form = 'folder', services = '5000', changes = '10'] = process.argv.slice(2);
const folder = await mkdtemp(join(tmpdir(), 'sluice-reload-'));
try {
  process.stdout.write(`${JSON.stringify(await measure(form, folder, Number(services), Number(changes)))}\n`);
} finally {
  await rm(folder, { recursive: true, force: true });
}

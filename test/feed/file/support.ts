import { mkdtempSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Clock } from '../../../src/base/clock.ts';
import { systemClock } from '../../../src/base/clock.ts';
import type { Problem } from '../../../src/base/errors.ts';
import type { FeedSink, FeedState } from '../../../src/feed/feed.ts';
import { FileFeed } from '../../../src/feed/file/file-feed.ts';

export function temporaryFolder(t: TestContext): string {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-feed-'));
  t.after(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** As editors save: a new file takes the place of the old one. */
export function replaceFile(file: string, text: string): void {
  writeFileSync(`${file}~`, text);
  renameSync(`${file}~`, file);
}

export const serviceText = (name: string, vip = '10.96.0.1') =>
  `apiVersion: v1\nkind: Service\nmetadata: { name: ${name} }\nspec:\n  clusterIP: ${vip}\n  ports: [{ port: 80 }]\n`;

export const sliceText = (name: string, service: string, address = '10.0.0.1') =>
  `apiVersion: discovery.k8s.io/v1\nkind: EndpointSlice\nmetadata:\n  name: ${name}\n  labels: { kubernetes.io/service-name: ${service} }\naddressType: IPv4\nports: [{ port: 8080 }]\nendpoints: [{ addresses: [${address}] }]\n`;

/** A sink that remembers. */
export class Recorder implements FeedSink {
  readonly states: FeedState[] = [];
  problems: readonly Problem[] = [];
  reports = 0;

  sync(state: FeedState): void {
    this.states.push(state);
  }

  report(problems: readonly Problem[]): void {
    this.problems = problems;
    this.reports += 1;
  }

  get last(): FeedState {
    return this.states.at(-1) ?? { services: [], slices: [] };
  }

  get names(): readonly string[] {
    return this.last.services.map(({ name }) => name);
  }

  get codes(): readonly string[] {
    return this.problems.map(({ code }) => code);
  }

  vipOf(name: string): string | undefined {
    return this.last.services.find((service) => service.name === name)?.vips[0];
  }
}

export async function startFeed(t: TestContext, path: string, clock: Clock = systemClock) {
  const seen = new Recorder();
  const feed = new FileFeed({ name: 'file', path, clock });
  t.after(() => feed.close());
  await feed.start(seen);
  return { feed, seen };
}

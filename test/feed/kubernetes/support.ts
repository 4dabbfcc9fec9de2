import type { TestContext } from 'node:test';
import type { Clock } from '../../../src/base/clock.ts';
import { systemClock } from '../../../src/base/clock.ts';
import type { Access } from '../../../src/feed/kubernetes/access.ts';
import { KubeFeed, type KubeFeedInit } from '../../../src/feed/kubernetes/kube-feed.ts';
import { ApiServer, type ApiServerInit } from '../../support/api-server.ts';
import { until } from '../../support/until.ts';
import { Recorder } from '../file/support.ts';

export async function startServer(t: TestContext, init?: ApiServerInit): Promise<ApiServer> {
  const server = new ApiServer(init);
  await server.listen();
  t.after(() => server.close());
  return server;
}

/** No credentials; says how often it was told that they are refused. */
export class OpenAccess implements Access {
  readonly #server: ApiServer;
  renewals = 0;

  constructor(server: ApiServer) {
    this.#server = server;
  }

  async connection() {
    return { server: this.#server.url, options: {} };
  }

  renew(): void {
    this.renewals += 1;
  }
}

/** The real clock, but what is due after a long time, such as the pauses between tries, is due soon. */
export const hastyClock: Clock = {
  now: () => systemClock.now(),
  wallTime: () => systemClock.wallTime(),
  after: (delayMs, task) => systemClock.after(delayMs < 5_000 ? Math.min(delayMs, 40) : delayMs, task),
  random: () => 0.5,
};

export async function startFeed(t: TestContext, server: ApiServer, init: Partial<KubeFeedInit> = {}) {
  const seen = new Recorder();
  const feed = new KubeFeed({ name: 'kubernetes', clock: hastyClock, access: new OpenAccess(server), ...init });
  t.after(() => feed.close());
  await feed.start(seen);
  return { feed, seen };
}

/** `web: 10.0.0.1 10.0.0.2`, by service. */
export function endpointsOf(seen: Recorder, service = 'default/web'): string {
  const slices = seen.last.slices.filter((slice) => slice.service === service);
  return slices.flatMap(({ endpoints }) => endpoints.map(({ address }) => address)).join(' ');
}

export function untilEndpoints(seen: Recorder, wanted: string, service?: string): Promise<void> {
  return until(() => endpointsOf(seen, service) === wanted, `the endpoints are ${wanted}`);
}

export function untilServices(seen: Recorder, wanted: string): Promise<void> {
  return until(() => [...seen.names].sort().join(' ') === wanted, `the services are ${wanted}`);
}

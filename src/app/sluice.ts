import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { createRoutes } from '../admin/routes.ts';
import { type AdminAddress, AdminServer } from '../admin/server.ts';
import type { Clock } from '../base/clock.ts';
import type { Problem } from '../base/errors.ts';
import { errorCode } from '../base/errors.ts';
import { version } from '../base/version.ts';
import type { ProcessConfig } from '../config/load.ts';
import { InlineFeed } from '../feed/inline.ts';
import { Balancers } from '../frontend/balancers.ts';
import { FlowLoad } from '../frontend/flow-load.ts';
import { Frontends } from '../frontend/frontends.ts';
import { AccessLog } from '../metrics/access.ts';
import { combine } from '../metrics/combine.ts';
import type { Log } from '../metrics/log.ts';
import { Metrics } from '../metrics/metrics.ts';
import type { NodeView } from '../model/node.ts';
import type { Snapshot } from '../model/snapshot.ts';
import { DescriptorBudget } from '../relay/descriptors.ts';
import { NetEngine } from '../relay/net/engine.ts';
import { Table } from '../table/table.ts';
import { Alarms } from './alarms.ts';
import { ceilingOf, descriptorLimit, openDescriptors } from './ceiling.ts';
import { drain } from './drain.ts';
import { Feeds } from './feeds.ts';
import { FirstSeen } from './first-seen.ts';
import { HealthServers } from './health-servers.ts';
import { needsRestart } from './needs-restart.ts';
import { hostAddresses, NodeWatch } from './node-watch.ts';
import { liveObjects } from './objects.ts';
import { ProblemLog } from './problem-log.ts';
import { VipHost } from './vip-host.ts';

export interface SluiceInit {
  readonly config: ProcessConfig;
  readonly log: Log;
  readonly clock: Clock;
}

/** The key of the feed that the configuration itself is. */
const inlineKey = 'inline';

/** The composition root: builds the rooms, wires them together, starts and ends them. */
export class Sluice {
  readonly #clock: Clock;
  readonly #log: Log;
  readonly #logger: Logger;
  readonly #accessLog: AccessLog;
  readonly #metrics: Metrics;
  readonly #load: FlowLoad;
  readonly #descriptors: DescriptorBudget;
  readonly #balancers: Balancers;
  readonly #vipHost: VipHost;
  readonly #frontends: Frontends;
  readonly #table: Table;
  readonly #inline: InlineFeed;
  readonly #feeds: Feeds;
  readonly #node: NodeWatch;
  readonly #health: HealthServers;
  readonly #firstSeen: FirstSeen;
  readonly #openAtStart = openDescriptors();
  #config: ProcessConfig;
  #admin: AdminServer | undefined;
  /** When the oldest change that is not applied yet came, on the monotonic clock. */
  #waitingSince: number | undefined;
  #isOpen = false;
  /** Of the snapshot that is listened for; 0: none is yet. */
  #appliedVersion = 0;
  #drainingUntil: number | undefined;

  constructor({ config, log, clock }: SluiceInit) {
    this.#config = config;
    this.#clock = clock;
    this.#firstSeen = new FirstSeen(() => clock.wallTime());
    this.#log = log;
    this.#logger = log.logger;
    this.#load = new FlowLoad(maxFlows(config));
    const ceiling = ceilingOf(descriptorLimit(), this.#openAtStart, 0);
    this.#descriptors = new DescriptorBudget({ limit: ceiling.forFlows, mostWaiting: ceiling.mostWaiting });
    const engine = this.#makeEngine(config);
    this.#metrics = new Metrics({ views: this.#views(), clock, build: { version, engine: engine.name } });
    this.#accessLog = new AccessLog({ logger: this.#logger, random: () => clock.random(), ...config.log.access });
    const alarms = new Alarms({ logger: this.#logger, clock });
    const observer = combine([this.#metrics.observer, alarms.observer, this.#accessLog]);
    this.#balancers = new Balancers({
      random: () => clock.random(),
      maxAffinityEntries: config.limits.affinityEntries,
    });
    this.#vipHost = new VipHost({ clock, logger: this.#logger, apply: (snapshot) => this.#reconcile(snapshot) });
    this.#frontends = new Frontends({
      engine,
      balancers: this.#balancers,
      load: this.#load,
      observer,
      clock,
      bindTo: (frontend) => this.#vipHost.placeOf(frontend),
      onBinding: (frontend, state) => {
        const fields = { frontend: frontend.key, service: frontend.servicePort.service };
        if (state.kind === 'listening') this.#logger.info(fields, 'listening');
        else if (state.kind === 'failed') {
          this.#logger.warn({ ...fields, code: state.code }, state.message);
          const message = `${frontend.key} cannot be listened on: ${state.message} (${state.code})`;
          this.#feeds.warn(frontend.servicePort.service, { reason: 'FrontendBindFailed', message });
        }
      },
    });
    const problemLog = new ProblemLog(this.#logger);
    this.#node = new NodeWatch(config.node, {
      clock,
      onLook: (node) => this.#look(node),
      readAddresses: () => hostAddresses().filter((address) => !this.#vipHost.made(address)),
    });
    this.#health = new HealthServers({ logger: this.#logger, source: this.#views() });
    this.#table = new Table({
      settings: config.settings,
      node: this.#node.view(),
      schedule: (task) => this.#schedule(task),
      onSnapshot: () => void this.#apply(),
      onProblems: (problems) => problemLog.update(problems),
    });
    this.#inline = new InlineFeed(config.inline);
    const onRead = (name: string, result: 'ok' | 'failed') => this.#metrics.reloaded(name, result);
    this.#feeds = new Feeds({ table: this.#table, clock, serviceProxyName: config.serviceProxyName, onRead });
  }

  /** Resolves once every feed was read and every frontend was tried to bind; some of both may have failed. */
  async start(): Promise<void> {
    await this.#openAdmin(this.#config);
    await this.#health.listen(this.#config.health.listen);
    await this.#feeds.add(inlineKey, this.#inline, 0);
    await this.#feeds.sync(this.#config.feeds);
    this.#isOpen = true;
    this.#table.open();
    await this.#apply();
    this.#node.start();
    await this.#frontends.tried();
    this.#logger.info({ version, node: process.version, ...this.#summary() }, 'sluice is ready');
  }

  /** Makes a new configuration the present one. What cannot change while running is named in the log. */
  async configure(config: ProcessConfig): Promise<void> {
    const before = this.#config;
    this.#config = config;
    this.#feeds.report(inlineKey, []);
    this.#metrics.reloaded('config', 'ok');
    this.#log.setLevel(config.log.level);
    this.#accessLog.configure(config.log.access);
    this.#load.limit = maxFlows(config);
    this.#table.updateSettings(config.settings);
    this.#node.configure(config.node);
    this.#inline.update(config.inline);
    await this.#feeds.sync(config.feeds);
    if (!isDeepStrictEqual(before.vip, config.vip)) await this.#apply();
    await this.#openAdmin(config, before);
    await this.#health.listen(config.health.listen);
    for (const key of needsRestart(before, config)) {
      this.#logger.warn({ key }, `${key} was changed and takes effect when sluice is started again`);
    }
  }

  /** The configuration could not be read: what was configured before stays. */
  configFailed(problems: readonly Problem[]): void {
    this.#metrics.reloaded('config', 'failed');
    this.#feeds.report(inlineKey, problems);
  }

  /** Reads all feeds again. */
  reloadFeeds(): Promise<void> {
    return this.#feeds.reload();
  }

  /** Takes no new flows and waits until the present ones have ended, `drainTimeout` at most. Resolves with how many were left. */
  async drain(): Promise<number> {
    const timeoutMs = this.#config.drainTimeoutMs;
    this.#drainingUntil = this.#clock.now() + timeoutMs;
    await this.#feeds.close();
    await this.#frontends.stopAccepting();
    this.#load.draining = true;
    return drain({ frontends: this.#frontends, clock: this.#clock, logger: this.#logger, timeoutMs });
  }

  /** Ends everything that is still there. */
  async close(): Promise<void> {
    await this.#feeds.close();
    await this.#frontends.close();
    this.#node.close();
    await this.#health.close();
    await this.#vipHost.close();
    await this.#admin?.close();
  }

  #makeEngine({ tcp, udp, settings }: ProcessConfig): NetEngine {
    return new NetEngine({
      clock: this.#clock,
      descriptors: this.#descriptors,
      tcp: { backlog: tcp.backlog, bufferBytes: settings.tcp.bufferBytes },
      udp: {
        ...udp,
        buffersClamped: (granted) =>
          this.#logger.warn(granted, 'the kernel grants smaller UDP buffers; raise net.core.rmem_max and wmem_max'),
      },
    });
  }

  #schedule(task: () => void): void {
    this.#waitingSince ??= this.#clock.now();
    setImmediate(() => {
      task();
      this.#waitingSince = undefined;
    });
  }

  async #apply(): Promise<void> {
    if (this.#isOpen && this.#drainingUntil === undefined)
      await this.#vipHost.bring(this.#config.vip, this.#table.snapshot, this.#node.view().podCidrs);
  }

  #reconcile(snapshot: Snapshot): void {
    if (this.#drainingUntil !== undefined) return;
    const { forFlows } = ceilingOf(descriptorLimit(), this.#openAtStart, snapshot.frontends.size);
    this.#descriptors.resize(forFlows);
    this.#firstSeen.sync(snapshot.services);
    this.#frontends.reconcile(snapshot);
    this.#appliedVersion = Math.max(1, snapshot.version);
    void this.#health.sync(snapshot);
    this.#metrics.forgetGone();
    this.#logger.debug({ snapshot: snapshot.version, frontends: snapshot.frontends.size }, 'applied a snapshot');
  }

  /** Health check ports that could not be listened on are tried again, too. */
  #look(node: NodeView): void {
    if (this.#drainingUntil !== undefined) return;
    this.#table.updateNode(node);
    void this.#health.sync(this.#table.snapshot);
  }

  async #openAdmin(config: ProcessConfig, before?: ProcessConfig): Promise<void> {
    const { listen } = config.admin;
    if (before !== undefined && JSON.stringify(before.admin.listen) === JSON.stringify(listen)) return;
    await this.#admin?.close();
    this.#admin = undefined;
    if (listen.kind === 'off') return;
    this.#admin = await this.#listenAdmin(listen);
  }

  async #listenAdmin(address: AdminAddress): Promise<AdminServer | undefined> {
    const views = this.#views();
    const objects = liveObjects({
      table: this.#table,
      balancers: this.#balancers,
      frontends: this.#frontends,
      firstSeen: this.#firstSeen,
    });
    const routes = createRoutes({ metrics: this.#metrics, health: views, snapshot: views, objects });
    const failed = (error: unknown) => this.#logger.error({ err: error }, 'the admin server failed to answer');
    const server = new AdminServer({ routes, failed });
    try {
      this.#logger.info({ admin: await server.listen(address) }, 'the admin server listens');
      return server;
    } catch (error) {
      // Traffic comes first: sluice runs without it.
      this.#logger.error(
        { code: errorCode(error), admin: address },
        'the admin server cannot listen; see admin.listen',
      );
      return undefined;
    }
  }

  #views() {
    return {
      servicePorts: () => this.#balancers.values(),
      frontends: () => this.#frontends.states(),
      feeds: () => this.#feeds.views(),
      snapshotVersion: () => this.#appliedVersion,
      flowsLimit: () => Math.min(this.#load.limit, Math.floor(this.#descriptors.limit / 2)),
      logLinesDropped: () => this.#log.dropped,
      updateWaitingMs: () => (this.#waitingSince === undefined ? 0 : this.#clock.now() - this.#waitingSince),
      draining: () => this.#drainingUntil !== undefined,
    };
  }

  #summary() {
    const states = [...this.#frontends.states()];
    const listening = states.filter(({ state }) => state.kind === 'listening').length;
    return {
      frontends: states.length,
      listening,
      descriptors: descriptorLimit(),
      maxConnections: this.#views().flowsLimit(),
    };
  }
}

function maxFlows({ limits }: ProcessConfig): number {
  return limits.flows === 'auto' ? Number.POSITIVE_INFINITY : limits.flows;
}

import { isDeepStrictEqual } from 'node:util';
import type { Logger } from 'pino';
import { readinessOf } from '../admin/health.ts';
import { createRoutes } from '../admin/routes.ts';
import type { Clock } from '../base/clock.ts';
import type { Problem } from '../base/errors.ts';
import { Pace } from '../base/pace.ts';
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
import type { RelayEngine } from '../relay/relay.ts';
import { Table } from '../table/table.ts';
import { Alarms } from './alarms.ts';
import { ceilingOf, descriptorLimit, openDescriptors } from './ceiling.ts';
import { delivery, drain } from './drain.ts';
import { createEngine } from './engine.ts';
import { Feeds } from './feeds.ts';
import { FirstSeen } from './first-seen.ts';
import { HealthServers } from './health-servers.ts';
import { inEffect, notInEffect } from './needs-restart.ts';
import { hostAddresses, NodeWatch } from './node-watch.ts';
import { liveObjects } from './objects.ts';
import { OwnServer } from './own-server.ts';
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
  readonly #engine: RelayEngine;
  /** Those that are no flows': open since the start, or kept by the engine. */
  readonly #ownDescriptors: number;
  readonly #balancers: Balancers;
  readonly #vipHost: VipHost;
  readonly #frontends: Frontends;
  readonly #table: Table;
  readonly #inline: InlineFeed;
  readonly #feeds: Feeds;
  readonly #node: NodeWatch;
  readonly #health: HealthServers;
  readonly #admin: OwnServer;
  readonly #firstSeen: FirstSeen;
  #config: ProcessConfig;
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
    const { forFlows, mostWaiting } = ceilingOf(descriptorLimit(), openDescriptors(), 0);
    this.#descriptors = new DescriptorBudget({ limit: forFlows, mostWaiting });
    this.#engine = createEngine({ config, clock, descriptors: this.#descriptors, logger: this.#logger });
    this.#ownDescriptors = openDescriptors() + this.#engine.reservedDescriptors;
    this.#metrics = new Metrics({ views: this.#views(), clock, build: { version, engine: this.#engine.name } });
    this.#accessLog = new AccessLog({ logger: this.#logger, random: () => clock.random(), ...config.log.access });
    const alarms = new Alarms({ logger: this.#logger, clock });
    const observer = combine([this.#metrics.observer, alarms.observer, this.#accessLog]);
    this.#balancers = new Balancers({
      random: () => clock.random(),
      maxAffinityEntries: config.limits.affinityEntries,
    });
    this.#vipHost = new VipHost({ clock, logger: this.#logger, apply: (snapshot) => this.#reconcile(snapshot) });
    this.#frontends = new Frontends({
      engine: this.#engine,
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
    this.#admin = this.#createAdmin();
  }

  /** Resolves once every feed was read and every frontend was tried to bind; some of both may have failed. */
  async start(): Promise<void> {
    await this.#admin.listen(this.#config.admin.listen);
    await this.#health.listen(this.#config.health.listen);
    await this.#feeds.add(inlineKey, this.#inline, 0);
    await this.#feeds.sync(this.#config.feeds);
    this.#isOpen = true;
    this.#table.open();
    await this.#apply();
    this.#node.start();
    await this.#frontends.tried();
    if (this.#drainingUntil !== undefined) return;
    const { status, reasons } = readinessOf(this.#views());
    const fields = { status, reasons, version, node: process.version, ...this.#summary() };
    this.#logger[status === 'unready' ? 'warn' : 'info'](fields, 'sluice has started');
  }

  /** Makes a new configuration the present one. What cannot change while running is named in the log. */
  async configure(config: ProcessConfig): Promise<void> {
    // Before anything is changed: half of a change must not be seen while the rest takes its time.
    const inline = await this.#inline.prepare(config.inline, new Pace(this.#clock));
    if (this.#drainingUntil !== undefined) return;
    const before = this.#config;
    this.#config = inEffect(config, this.#engine.name);
    this.#feeds.report(inlineKey, []);
    this.#metrics.reloaded('config', 'ok');
    this.#log.setLevel(config.log.level);
    this.#accessLog.configure(config.log.access);
    this.#load.limit = maxFlows(config);
    this.#table.updateSettings(config.settings);
    this.#node.configure(config.node);
    this.#inline.update(inline);
    await this.#feeds.sync(config.feeds);
    if (!isDeepStrictEqual(before.vip, this.#config.vip)) await this.#apply();
    await this.#admin.listen(config.admin.listen);
    await this.#health.listen(config.health.listen);
    for (const { key, message } of notInEffect(before, config, this.#engine.name)) this.#logger.warn({ key }, message);
    this.#logger.info('the configuration was read again and is in effect');
  }

  /** The configuration could not be read: what was configured before stays. */
  configFailed(problems: readonly Problem[]): void {
    this.#metrics.reloaded('config', 'failed');
    this.#feeds.report(inlineKey, problems);
    this.#logger.warn('the new configuration is not applied; the one before stays in effect');
  }

  /** Reads again what can be read: all feeds, and the host that VIPs were brought to. */
  async readAgain(): Promise<void> {
    await Promise.all([this.#feeds.reload(), this.#vipHost.check()]);
  }

  /** Takes no new flows and waits until the present ones have ended, `drainTimeout` at most. */
  async drain(): Promise<void> {
    const timeoutMs = this.#config.drainTimeoutMs;
    const until = { clock: this.#clock, logger: this.#logger, end: this.#clock.now() + timeoutMs };
    this.#drainingUntil = until.end;
    await this.#feeds.close();
    await this.#frontends.stopAccepting();
    this.#vipHost.drain();
    this.#load.draining = true;
    await drain({ ...until, frontends: this.#frontends, timeoutMs });
    await delivery({ ...until, undelivered: () => this.#vipHost.undelivered() });
  }

  /** Ends everything that is still there. */
  async close(): Promise<void> {
    await this.#feeds.close();
    await this.#frontends.close();
    await this.#engine.close();
    this.#node.close();
    await this.#health.close();
    await this.#vipHost.close();
    await this.#admin.close();
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
    const { forFlows } = ceilingOf(descriptorLimit(), this.#ownDescriptors, snapshot.frontends.size);
    this.#descriptors.resize(forFlows);
    this.#firstSeen.sync(snapshot.services);
    this.#frontends.reconcile(snapshot);
    this.#appliedVersion = Math.max(1, snapshot.version);
    void this.#health.sync(snapshot);
    this.#metrics.forgetGone();
    this.#logger.debug({ snapshot: snapshot.version, frontends: snapshot.frontends.size }, 'applied a snapshot');
  }

  /** Servers that could not listen are tried again, too. */
  #look(node: NodeView): void {
    if (this.#drainingUntil !== undefined) return;
    void this.#admin.retry();
    void this.#health.retry();
    this.#table.updateNode(node);
    void this.#health.sync(this.#table.snapshot);
  }

  /** The admin server; it answers from the moment it listens. */
  #createAdmin(): OwnServer {
    const views = this.#views();
    const objects = liveObjects({
      table: this.#table,
      balancers: this.#balancers,
      frontends: this.#frontends,
      firstSeen: this.#firstSeen,
      vipHost: this.#vipHost,
      metrics: this.#metrics,
    });
    const routes = createRoutes({ metrics: this.#metrics, health: views, snapshot: views, objects });
    return new OwnServer({ name: 'admin', logger: this.#logger, routes });
  }

  #views() {
    return {
      servicePorts: () => {
        this.#engine.settle();
        return this.#balancers.values();
      },
      frontends: () => this.#frontends.states(),
      feeds: () => this.#feeds.views(),
      vips: () => this.#vipHost.view(),
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

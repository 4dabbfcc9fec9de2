import { setImmediate as nextTurn } from 'node:timers/promises';
import { Counter, Gauge, Registry } from 'prom-client';
import type { Clock } from '../base/clock.ts';
import type { Target } from '../model/target.ts';
import { endpointFamilies } from './endpoint-families.ts';
import type { Family } from './family.ts';
import { FlowCounters } from './flow-counters.ts';
import { processFamilies } from './process-families.ts';
import { registerRuntimeMetrics } from './runtime.ts';
import { serviceFamilies } from './service-families.ts';
import type { LiveViews } from './views.ts';

export interface MetricsInit {
  readonly views: LiveViews;
  readonly clock: Clock;
  readonly build: { readonly version: string; readonly engine: string };
}

/**
 * Everything that Prometheus is told. All numbers of one scrape about flows are of one moment; the text is made from
 * them family by family, and traffic goes on in between.
 */
export class Metrics {
  /** Counts the flows: to be given to the rooms below. */
  readonly observer = new FlowCounters();
  readonly #registry = new Registry();
  readonly #views: LiveViews;
  readonly #clock: Clock;
  readonly #reloads: Counter<'source' | 'result'>;
  readonly #lastReload: Gauge<'source'>;
  #underWay: Promise<string> | undefined;

  constructor({ views, clock, build }: MetricsInit) {
    this.#views = views;
    this.#clock = clock;
    const registers = [this.#registry];
    this.#reloads = new Counter({
      name: 'sluice_reloads_total',
      help: 'Times that the configuration or a feed was read again, by result.',
      labelNames: ['source', 'result'],
      registers,
    });
    this.#lastReload = new Gauge({
      name: 'sluice_last_reload_success_timestamp_seconds',
      help: 'When the configuration or a feed was last read without a problem.',
      labelNames: ['source'],
      registers,
    });
    const info = new Gauge({
      name: 'sluice_build_info',
      help: 'Always 1; the labels say what runs.',
      labelNames: ['version', 'node', 'engine'],
      registers,
    });
    info.set({ ...build, node: process.version }, 1);
    registerRuntimeMetrics(this.#registry);
  }

  get contentType(): string {
    return this.#registry.contentType;
  }

  /** `source`: `config`, or the name of the feed that was read again. */
  reloaded(source: string, result: 'ok' | 'failed'): void {
    // Both results exist from the first reload on, so that the first failure is a step and not a new series.
    this.#reloads.inc({ source, result: 'ok' }, result === 'ok' ? 1 : 0);
    this.#reloads.inc({ source, result: 'failed' }, result === 'failed' ? 1 : 0);
    if (result === 'ok') this.#lastReload.set({ source }, this.#clock.wallTime() / 1000);
  }

  /** How many tries to reach the endpoint have failed since it is there. */
  failedTries(target: Target): number {
    let tries = 0;
    for (const [, count] of this.observer.endpoint(target)?.failures.entries() ?? []) tries += count;
    return tries;
  }

  /** The exposition in the format of `contentType`. Whoever asks while one is made gets the same one. */
  expose(): Promise<string> {
    this.#underWay ??= this.#render().finally(() => {
      this.#underWay = undefined;
    });
    return this.#underWay;
  }

  /** Forgets what is known of service ports that are gone and idle. A scrape does so too, after it has told of them. */
  forgetGone(): void {
    const present = new Set<string>();
    for (const { servicePort } of this.#views.servicePorts()) present.add(servicePort.key);
    this.observer.forget((key) => present.has(key));
  }

  /** What prom-client keeps itself comes last. */
  async #render(): Promise<string> {
    const texts: string[] = [];
    for (const family of this.#collect()) {
      texts.push(family.render());
      await nextTurn();
    }
    texts.push(await this.#registry.metrics());
    return texts.join('');
  }

  /** Synchronous: nothing can happen between the first number and the last. */
  #collect(): Family[] {
    const servicePorts = [...this.#views.servicePorts()];
    const families = [
      ...serviceFamilies(this.observer, servicePorts),
      ...endpointFamilies(this.observer, servicePorts),
      ...processFamilies(this.#views, servicePorts),
    ];
    this.forgetGone();
    return families;
  }
}

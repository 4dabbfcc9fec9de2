import assert from 'node:assert/strict';
import { test } from 'node:test';
import { connectFailures, endings, settled } from '../support/books.ts';
import { until } from '../support/until.ts';
import { monotonicUs, type Request, StampedLoad, startWrk } from './load.ts';
import { type HttpPod, httpPodIn, whatIsMissing } from './network.ts';
import { hasProgram } from './vip-traffic.ts';
import { type Form, pods, startWebserver, type VipMode, vip, type Webserver } from './webserver.ts';

/*
 * "Scale the pods up or down: the VIP stays, the endpoints follow, and nobody who talks to the VIP notices."
 *
 * Which requests had an endpoint to go to is known exactly: each carries the times of its start and its end, and each
 * change those from before it was written until after it was seen in effect, all of one clock. Between the two of one
 * change the old pods or the new ones count; elsewhere there is no doubt.
 */

const missing = ['wrk', 'nft'].find((name) => !hasProgram(name));
const skip = whatIsMissing() || (missing === undefined ? false : `the program ${missing} is missing`);

const url = `http://${vip}/`;
const [one, two, three] = pods;
const wrkConnections = 4;

/** A time in which exactly these pods were behind the VIP. Microseconds of CLOCK_MONOTONIC. */
interface Phase {
  readonly pods: readonly string[];
  /** Before that was written, */
  readonly begunUs: number;
  /** and after it was seen in effect. */
  readonly sureUs: number;
  /** Before the next change was written. */
  endUs: number;
}

/** Pods that are started before they are shown, and end when they are no longer shown and carry nothing. */
class Deployment {
  readonly #webserver: Webserver;
  readonly #start: (pod: string) => Promise<HttpPod>;
  readonly #running = new Map<string, HttpPod>();
  readonly phases: Phase[] = [];

  constructor(webserver: Webserver, start: (pod: string) => Promise<HttpPod>) {
    this.#webserver = webserver;
    this.#start = start;
  }

  /** The new pods are started and then shown as ready, those that will leave as terminating. Returns these. */
  async announce(to: readonly string[]): Promise<readonly string[]> {
    const leaving = [...this.#running.keys()].filter((pod) => !to.includes(pod));
    await Promise.all(to.filter((pod) => !this.#running.has(pod)).map((pod) => this.#add(pod)));
    this.end();
    if (leaving.length > 0) await this.#webserver.show(to, leaving);
    return leaving;
  }

  /** These pods alone are shown. */
  async scale(to: readonly string[]): Promise<void> {
    const begunUs = monotonicUs();
    await this.#webserver.show(to);
    this.phases.push({ pods: to, begunUs, sureUs: monotonicUs(), endUs: Number.POSITIVE_INFINITY });
  }

  /** The pods end in order: each answer ends its connection, and when none is left the process is killed. */
  async terminate(leaving: readonly string[]): Promise<void> {
    for (const pod of leaving) this.#running.get(pod)?.drain();
    await until(async () => {
      const { servicePorts } = await this.#webserver.sluice.services();
      const known = servicePorts.flatMap(({ endpoints }) => endpoints.map(({ endpoint }) => endpoint));
      return !known.some((endpoint) => leaving.includes(endpoint.replace(':8080', '')));
    }, `${leaving} carry nothing`);
    for (const pod of leaving) await this.#running.get(pod)?.stop();
    for (const pod of leaving) this.#running.delete(pod);
  }

  /** The last phase ends now. */
  end(): void {
    const last = this.phases.at(-1);
    if (last !== undefined) last.endUs = monotonicUs();
  }

  async #add(pod: string): Promise<void> {
    this.#running.set(pod, await this.#start(pod));
  }
}

const forms: readonly (readonly [Form, VipMode])[] = [
  ['pods', 'assign'],
  ['api-server', 'redirect'],
];

for (const [form, mode] of forms)
  test(`pods scaled 2, 3, 1, 0, 2 under load, from ${form}, vip.mode ${mode}: nobody notices who has an endpoint`, {
    skip,
  }, async (t) => {
    const webserver = await startWebserver(t, form, mode);
    const { sluice, spaces } = webserver;
    const deployment = new Deployment(webserver, (pod) => httpPodIn(t, spaces.of(pod), pod, 8080));
    await deployment.announce([one, two]);
    await deployment.scale([one, two]);
    const load = await StampedLoad.start(t, spaces.inside, url, 2);
    const wrk = startWrk(t, spaces.inside, url, wrkConnections);
    await load.more('new', 100);
    for (const to of [[one, two, three], [three], [], [one, two]]) {
      const leaving = await deployment.announce(to);
      // Those that terminate serve as long as there is no other.
      await load.more('new', 20);
      await deployment.scale(to);
      await load.more('new', to.length === 0 ? 20 : 100);
      // Connections outlive the endpoint, also the last one.
      await load.more('reused', 20);
      await deployment.terminate(leaving);
      await load.more('new', 20);
    }
    deployment.end();
    const [requests, { requests: byWrk, errors }] = await Promise.all([load.stop(), wrk()]);

    const failed = requests.filter(({ kind }) => kind === 'failed');
    assertPhases(deployment.phases, requests);
    // What wrk has counted as errors, whose times it does not tell, are refusals for want of an endpoint as well.
    const families = await settled(sluice);
    const { 'no-endpoint': refused = 0, closed = 0, ...others } = endings(families);
    assert.deepEqual(connectFailures(families), {});
    const cut = Object.values(others).reduce((sum, count) => sum + count, 0);
    assert.ok(cut <= wrkConnections, `only the connections that wrk had at its end are cut: ${JSON.stringify(others)}`);
    assert.ok(refused >= failed.length + errors, `${refused} refusals, ${failed.length} and ${errors} failures`);
    assert.ok(refused <= failed.length + errors + wrkConnections, `${refused} refusals; wrk: ${errors}`);
    assert.equal(sluice.errors, '');
    t.diagnostic(`${requests.length} requests, ${failed.length} refused; wrk: ${byWrk}, ${errors}; ${closed} closed`);
  });

function assertPhases(phases: readonly Phase[], requests: readonly Request[]): void {
  const none = phases.find(({ pods }) => pods.length === 0);
  assert.ok(none);
  const afterNone = phases[phases.indexOf(none) + 1];
  for (const request of requests) {
    if (request.kind === 'answered') continue;
    const hadEndpoint = request.endUs < none.begunUs || request.startUs > (afterNone?.sureUs ?? 0);
    assert.ok(!hadEndpoint, `it failed although it had an endpoint: ${JSON.stringify(request)}`);
    assert.equal(request.reused, false, `an established connection was cut: ${JSON.stringify(request)}`);
    assert.match(request.message, /^(connect ECONNREFUSED|(connect|read|write) (ECONNRESET|EPIPE))/);
    assert.ok(request.endUs - request.startUs < 5_000_000, `at once: ${JSON.stringify(request)}`);
  }
  for (const { pods: ofPhase, sureUs, endUs } of phases) {
    const inside = requests.filter((request) => request.startUs >= sureUs && request.endUs <= endUs);
    const fresh = inside.filter(({ reused }) => !reused);
    assert.ok(fresh.length >= 20, `${fresh.length} new connections with ${ofPhase}`);
    const who = new Set(fresh.map((request) => (request.kind === 'answered' ? request.answer : 'nobody')));
    assert.deepEqual([...who].sort(), ofPhase.length === 0 ? ['nobody'] : [...ofPhase].sort());
    assert.ok(
      inside.some(({ reused, kind }) => reused && kind === 'answered'),
      `kept connections with ${ofPhase}`,
    );
  }
}

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { Metrics } from '../../src/metrics/metrics.ts';
import type { Target } from '../../src/model/target.ts';
import { FakeClock } from '../support/fake-clock.ts';
import { clientAddress, clientPort, endingOf, flowOf } from '../support/flows.ts';
import { FakeServicePort, FakeViews, frontendOf, servicePortNamed } from '../support/live-views.ts';
import { endpoint } from '../support/model.ts';
import { parsePrometheus, samplesOf, sumOfSamples } from '../support/prometheus-text.ts';

function setUp(...ports: FakeServicePort[]) {
  const views = new FakeViews();
  views.servicePortViews = ports;
  const clock = new FakeClock();
  const metrics = new Metrics({ views, clock, build: { version: '1.2.3', engine: 'net' } });
  const scrape = async () => parsePrometheus(await metrics.expose());
  return { views, clock, metrics, observer: metrics.observer, scrape };
}

function web(protocol: 'TCP' | 'UDP' = 'TCP'): FakeServicePort {
  return new FakeServicePort(servicePortNamed('web', [endpoint('10.0.0.1'), endpoint('10.0.0.2')], protocol));
}

function firstTarget(port: FakeServicePort): Target {
  const [target] = port.targets.values();
  assert.ok(target);
  return target;
}

const labels = { namespace: 'default', service: 'web', port: 'http', protocol: 'TCP', family: 'IPv4' };

describe('flows', () => {
  test('one connection, from its beginning to its end', async () => {
    const port = web();
    const { observer, scrape } = setUp(port);
    const frontend = frontendOf(port.servicePort);
    const target = firstTarget(port);
    observer.flowOpened(frontend);
    observer.connectFailed(frontend, target, 'connect-refused', true, 'ECONNREFUSED');
    observer.connectFailed(frontend, target, 'connect-timeout', true);
    observer.flowConnected(frontend, target, 3);
    const during = await scrape();
    assert.equal(sumOfSamples(during, 'sluice_flows_opened_total', labels), 1);
    assert.equal(sumOfSamples(during, 'sluice_flows_active', labels), 1);
    const ending = endingOf('reset', { by: 'endpoint', target, errorCode: 'ECONNRESET' });
    observer.flowClosed(frontend, flowOf(frontend), ending);
    const after = await scrape();
    assert.deepEqual(
      samplesOf(after, 'sluice_socket_errors_total').map(({ labels: { code }, value }) => [code, value]),
      [
        ['ECONNREFUSED', 1],
        ['ECONNRESET', 1],
      ],
    );
    assert.deepEqual(
      ['sluice_flows_active', 'sluice_retries_total'].map((name) => sumOfSamples(after, name, labels)),
      [0, 2],
    );
    assert.deepEqual(samplesOf(after, 'sluice_flows_closed_total'), [
      { name: 'sluice_flows_closed_total', labels: { ...labels, reason: 'reset', by: 'endpoint' }, value: 1 },
    ]);
    for (const name of ['sluice_connect_failures_total', 'sluice_endpoint_connect_failures_total'])
      assert.equal(sumOfSamples(after, name, { reason: 'connect-refused' }), 1);
    assert.equal(sumOfSamples(after, 'sluice_endpoint_flows_closed_total', { reason: 'reset' }), 1);
  });

  test('connect times are a histogram in seconds', async () => {
    const port = web();
    const { observer, scrape } = setUp(port);
    const frontend = frontendOf(port.servicePort);
    for (const ms of [0.5, 3, 9_000]) observer.flowConnected(frontend, firstTarget(port), ms);
    const families = await scrape();
    const bucket = (le: string) => sumOfSamples(families, 'sluice_connect_seconds_bucket', { ...labels, le });
    assert.deepEqual(
      ['0.0005', '0.001', '0.005', '5', '+Inf'].map((le) => bucket(le)),
      [1, 1, 2, 2, 3],
    );
    assert.equal(sumOfSamples(families, 'sluice_connect_seconds_count', labels), 3);
    assert.equal(sumOfSamples(families, 'sluice_connect_seconds_sum', labels), 9.0035);
  });

  test('datagrams that were dropped and accepts that failed have a reason', async () => {
    const port = web('UDP');
    const { observer, scrape } = setUp(port);
    observer.datagramDropped(frontendOf(port.servicePort), 'too-large');
    observer.acceptFailed(frontendOf(port.servicePort), 'EMFILE');
    const families = await scrape();
    assert.equal(sumOfSamples(families, 'sluice_datagrams_dropped_total', { reason: 'too-large' }), 1);
    assert.equal(sumOfSamples(families, 'sluice_accept_failures_total', { code: 'EMFILE' }), 1);
  });

  test('there is never a client address in the text', async () => {
    const port = web();
    const { metrics, observer } = setUp(port);
    const frontend = frontendOf(port.servicePort);
    observer.flowOpened(frontend);
    observer.flowClosed(frontend, flowOf(frontend), endingOf('closed', { target: firstTarget(port) }));
    const text = await metrics.expose();
    assert.ok(text.includes('10.0.0.1:8080'));
    assert.ok(!text.includes(clientAddress) && !text.includes(String(clientPort)));
  });
});

describe('what comes and goes', () => {
  test('an endpoint that is gone has no series, and its service port keeps what it carried', async () => {
    const port = web('UDP');
    const { scrape } = setUp(port);
    const target = firstTarget(port);
    Object.assign(target.stats, { opened: 2, closed: 2, bytesToEndpoint: 100, datagramsFromEndpoint: 7 });
    const before = await scrape();
    port.targets.delete(target.endpoint.key);
    Object.assign(port.retired, target.stats);
    const after = await scrape();
    for (const name of ['sluice_to_endpoints_bytes_total', 'sluice_from_endpoints_datagrams_total'])
      assert.equal(sumOfSamples(after, name), sumOfSamples(before, name));
    assert.equal(sumOfSamples(after, 'sluice_to_endpoints_bytes_total'), 100);
    const series = (families: typeof after) =>
      [...families.values()].flatMap((family) => family.samples).filter(({ labels }) => 'endpoint' in labels);
    const gone = series(after).filter(({ labels }) => labels.endpoint === target.endpoint.key);
    assert.ok(series(before).length > series(after).length && series(after).length > 0);
    assert.deepEqual(gone, []);
  });

  test('a service port that is gone is told of until its last flow has ended', async () => {
    const port = web();
    const { observer, views, scrape } = setUp(port);
    const frontend = frontendOf(port.servicePort);
    observer.flowOpened(frontend);
    views.servicePortViews = [];
    assert.equal(sumOfSamples(await scrape(), 'sluice_flows_active', labels), 1);
    observer.flowClosed(frontend, flowOf(frontend), endingOf('shutdown', { by: 'sluice' }));
    const last = await scrape();
    assert.equal(sumOfSamples(last, 'sluice_flows_closed_total', { ...labels, reason: 'shutdown' }), 1);
    assert.deepEqual(samplesOf(await scrape(), 'sluice_flows_opened_total'), []);
  });

  test('a service port that is there keeps its counts when it is idle', async () => {
    const port = web();
    const { observer, scrape } = setUp(port);
    const frontend = frontendOf(port.servicePort);
    observer.flowOpened(frontend);
    observer.flowClosed(frontend, flowOf(frontend), endingOf('closed'));
    await scrape();
    assert.equal(sumOfSamples(await scrape(), 'sluice_flows_opened_total', labels), 1);
  });

  test('an endpoint that is not eligible is told apart', async () => {
    const port = web();
    port.servicePort = { ...port.servicePort, eligible: port.servicePort.endpoints.slice(1) };
    const families = await setUp(port).scrape();
    assert.equal(sumOfSamples(families, 'sluice_endpoint_eligible', { endpoint: '10.0.0.1:8080' }), 0);
    assert.equal(sumOfSamples(families, 'sluice_endpoint_eligible', { endpoint: '10.0.0.2:8080' }), 1);
    assert.equal(sumOfSamples(families, 'sluice_endpoints', labels), 2);
    assert.equal(sumOfSamples(families, 'sluice_endpoints_eligible', labels), 1);
  });
});

describe('the process', () => {
  test('frontends by state, and those that cannot be bound by name', async () => {
    const port = web();
    const { views, scrape } = setUp(port);
    const failed = { kind: 'failed', code: 'EADDRINUSE', message: 'in use' } as const;
    views.frontendViews = [
      { frontend: frontendOf(port.servicePort), state: { kind: 'listening' } },
      { frontend: frontendOf(port.servicePort, '10.96.0.2'), state: failed },
    ];
    const families = await scrape();
    const counts = ['listening', 'binding', 'failed'].map((state) =>
      sumOfSamples(families, 'sluice_frontends', { state }),
    );
    assert.deepEqual(counts, [1, 0, 1]);
    assert.deepEqual(
      samplesOf(families, 'sluice_frontend_bind_failed').map((sample) => sample.labels),
      [{ vip: '10.96.0.2:80', protocol: 'TCP', code: 'EADDRINUSE' }],
    );
  });

  test('feeds, limits, lost log lines, table and build', async () => {
    const port = web();
    port.affinityEntries = 4;
    const { views, scrape } = setUp(port);
    const problem = { code: 'X', message: 'bad' };
    views.feedViews = [
      { name: 'files', synced: true, problems: [problem, problem] },
      { name: 'kube', synced: false, problems: [] },
    ];
    views.vipsView = { problems: [problem], cutOff: false };
    views.dropped = 3;
    views.limit = Number.POSITIVE_INFINITY;
    const families = await scrape();
    const rows: [string, Record<string, string>, number][] = [
      ['sluice_feed_synced', { feed: 'files' }, 1],
      ['sluice_feed_synced', { feed: 'kube' }, 0],
      ['sluice_feed_problems', { feed: 'files' }, 2],
      ['sluice_feed_problems', { feed: 'kube' }, 0],
      ['sluice_vip_problems', {}, 1],
      ['sluice_log_lines_dropped_total', {}, 3],
      ['sluice_flows_limit', {}, Number.POSITIVE_INFINITY],
      ['sluice_services', {}, 1],
      ['sluice_service_ports', {}, 1],
      ['sluice_affinity_entries', labels, 4],
      ['sluice_build_info', { version: '1.2.3', engine: 'net', node: process.version }, 1],
    ];
    for (const [name, query, value] of rows) assert.equal(sumOfSamples(families, name, query), value, name);
  });

  test('reloads by result, and the time of the last good one', async () => {
    const { clock, metrics, scrape } = setUp();
    metrics.reloaded('config', 'ok');
    const time = clock.wallTime() / 1000;
    clock.advance(5_000);
    metrics.reloaded('config', 'failed');
    const families = await scrape();
    const count = (result: string) => sumOfSamples(families, 'sluice_reloads_total', { source: 'config', result });
    assert.deepEqual([count('ok'), count('failed')], [1, 1]);
    assert.equal(sumOfSamples(families, 'sluice_last_reload_success_timestamp_seconds', { source: 'config' }), time);
  });

  test('event-loop lag, descriptors, CPU and memory are there; nothing that lists every handle is', async () => {
    const families = await setUp().scrape();
    for (const name of ['nodejs_eventloop_lag_p99_seconds', 'process_open_fds', 'process_cpu_seconds_total'])
      assert.equal(samplesOf(families, name).length, 1, name);
    assert.ok(sumOfSamples(families, 'process_resident_memory_bytes') > 1e6);
    assert.deepEqual(
      [...families.keys()].filter((name) => name.includes('_active_')),
      [...families.keys()].filter((name) => name.startsWith('sluice_') && name.includes('_active_')),
    );
  });

  test('names follow the conventions', async () => {
    for (const family of (await setUp(web()).scrape()).values()) {
      if (!family.name.startsWith('sluice_')) continue;
      assert.equal(family.name.endsWith('_total'), family.type === 'counter', family.name);
      assert.match(family.help, /\.$/, family.name);
    }
  });

  test('label values are escaped', async () => {
    const { metrics, scrape } = setUp();
    metrics.reloaded('a "quoted" \\ feed\nname', 'ok');
    const [sample] = samplesOf(await scrape(), 'sluice_reloads_total', { result: 'ok' });
    assert.equal(sample?.labels.source, 'a "quoted" \\ feed\nname');
  });
});

describe('ten thousand endpoints', () => {
  function big(): FakeServicePort[] {
    return Array.from({ length: 1_000 }, (_, index) => {
      const endpoints = Array.from({ length: 10 }, (_, n) => endpoint(`10.${index >> 8}.${index & 255}.${n + 1}`));
      return new FakeServicePort(servicePortNamed(`service-${index}`, endpoints));
    });
  }

  test('five lines an endpoint and no more', async () => {
    const { metrics } = setUp(...big());
    const lines = (await metrics.expose()).split('\n').filter((line) => line.includes('endpoint="'));
    assert.equal(lines.length, 50_000);
  });

  test('the numbers of a scrape are of one moment, although traffic goes on while it is written', async () => {
    const ports = big();
    const { metrics, observer } = setUp(...ports);
    const [first] = ports;
    assert.ok(first);
    const frontend = frontendOf(first.servicePort);
    let turns = 0;
    let going = true;
    const traffic = () => {
      turns += 1;
      observer.flowOpened(frontend);
      if (turns % 2 === 0) observer.flowClosed(frontend, flowOf(frontend), endingOf('closed'));
      if (going) setImmediate(traffic);
    };
    setImmediate(traffic);
    await metrics.expose();
    const before = turns;
    const families = parsePrometheus(await metrics.expose());
    going = false;
    assert.ok(turns > before + 5, `traffic had ${turns - before} turns meanwhile`);
    const value = (name: string) => sumOfSamples(families, `sluice_flows_${name}`, { service: 'service-0' });
    assert.equal(value('opened_total'), value('closed_total') + value('active'));
  });

  test('whoever asks while an exposition is made gets the same one', async () => {
    const { metrics } = setUp(web());
    const [one, two] = await Promise.all([metrics.expose(), metrics.expose()]);
    assert.equal(one, two);
    assert.notEqual(await metrics.expose(), one);
  });
});

import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import { pino } from 'pino';
import { AccessLog, type AccessLogInit, accessLine } from '../../src/metrics/access.ts';
import type { EndReason } from '../../src/model/reason.ts';
import { Target } from '../../src/model/target.ts';
import { endingOf, flowOf } from '../support/flows.ts';
import { frontendOf, servicePortNamed } from '../support/live-views.ts';
import { endpoint } from '../support/model.ts';

const target = new Target(endpoint('10.0.0.1'));
const frontend = frontendOf(servicePortNamed('web', [target.endpoint]));
const udpFrontend = frontendOf(servicePortNamed('dns', [target.endpoint], 'UDP'));

function setUp(init: Partial<AccessLogInit> = {}) {
  const lines: Record<string, unknown>[] = [];
  const logger = pino({ level: 'info', base: null }, { write: (line) => lines.push(JSON.parse(line)) });
  const access = new AccessLog({ logger, level: 'info', sample: 1, random: () => 0.5, ...init });
  const end = (reason: EndReason, where = frontend) => access.flowClosed(where, flowOf(where), endingOf(reason));
  return { access, logger, lines, end };
}

describe('the fields of a line', () => {
  test('a connection that moved bytes after one endpoint had refused', () => {
    const flow = flowOf(frontend, { tried: [new Target(endpoint('10.0.0.2'))] });
    const bytes = { bytesFromClient: 10, bytesFromEndpoint: 20 };
    const times = { durationMs: 1234.567891, connectMs: 1.00049 };
    const failure = { lastFailure: 'connect-refused', lastFailureCode: 'ECONNREFUSED' } as const;
    const measures = { rttMs: 0.0421234, retransmits: 3 };
    const how = { by: 'endpoint', target, errorCode: 'ECONNRESET', measures } as const;
    const ending = endingOf('reset', { ...how, ...failure, ...bytes, ...times });
    assert.deepEqual(accessLine(frontend, flow, ending), {
      client: '192.0.2.77:45678',
      vip: '10.96.0.1:80',
      service: 'default/web',
      port: 'http',
      protocol: 'TCP',
      endpoint: '10.0.0.1:8080',
      durationMs: 1234.568,
      connectMs: 1,
      bytesFromClient: 10,
      bytesFromEndpoint: 20,
      tries: 2,
      by: 'endpoint',
      reason: 'reset',
      errorCode: 'ECONNRESET',
      lastFailure: 'connect-refused',
      lastFailureCode: 'ECONNREFUSED',
      rttMs: 0.042,
      retransmits: 3,
    });
  });

  test('a connection that reached nobody', () => {
    const line = accessLine(frontend, flowOf(frontend), endingOf('no-endpoint', { by: 'sluice' }));
    assert.deepEqual([line.tries, line.by, line.reason], [0, 'sluice', 'no-endpoint']);
    const absent = ['endpoint', 'connectMs', 'errorCode', 'lastFailure', 'lastFailureCode', 'rttMs', 'retransmits'];
    assert.deepEqual(
      absent.filter((field) => field in line),
      [],
    );
  });
});

describe('which endings are logged', () => {
  const rows: [name: string, sample: number, reason: EndReason, where: typeof frontend, lines: number][] = [
    ['sample 1 has every normal ending', 1, 'closed', frontend, 1],
    ['sample 0 has no normal ending', 0, 'closed', frontend, 0],
    ['the dice are above the sample', 0.4, 'closed', frontend, 0],
    ['the dice are below the sample', 0.6, 'closed', frontend, 1],
    ['an idle UDP session is normal', 0, 'idle-timeout', udpFrontend, 0],
    ['an idle TCP connection is not', 0, 'idle-timeout', frontend, 1],
    ['a reset is always logged', 0, 'reset', frontend, 1],
    ['a rejected flow is always logged', 0, 'no-endpoint', frontend, 1],
    ['a failed connect is always logged', 0, 'connect-failed', frontend, 1],
  ];
  for (const [name, sample, reason, where, count] of rows) {
    test(name, () => {
      const { end, lines } = setUp({ sample });
      end(reason, where);
      assert.equal(lines.length, count);
    });
  }
});

describe('the level', () => {
  test('a line has it', () => {
    const { end, lines } = setUp({ level: 'warn' });
    end('closed');
    assert.equal(lines[0]?.level, 40);
  });

  test('below that of the logger: nothing, and not enabled, until the logger is turned up', () => {
    const { access, end, lines, logger } = setUp({ level: 'debug' });
    end('reset');
    assert.deepEqual([access.namesClients, lines.length], [false, 0]);
    logger.level = 'debug';
    end('reset');
    assert.deepEqual([access.namesClients, lines.length], [true, 1]);
  });

  test('silent is never enabled', () => {
    assert.equal(setUp({ level: 'silent' }).access.namesClients, false);
  });

  test('level and sample change while it runs', () => {
    const { access, end, lines } = setUp({ level: 'silent' });
    end('closed');
    access.configure({ level: 'info', sample: 1 });
    end('closed');
    access.configure({ level: 'info', sample: 0 });
    end('closed');
    assert.equal(lines.length, 1);
  });
});

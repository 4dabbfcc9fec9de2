import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import type { ExplainedFrontend, ExplainOutcome } from '../../src/admin/explain-shape.ts';
import { explainText } from '../../src/cli/explain-text.ts';

const client = '10.0.0.7';
const asked = '10.104.58.143:80';
const found: ExplainedFrontend = {
  frontend: '10.104.58.143:80/TCP',
  namespace: 'default',
  service: 'webserver',
  port: '',
  kind: 'cluster',
  state: 'listening',
  active: 1,
  scope: 'cluster',
  endpoints: [
    { endpoint: '172.17.0.3:8080', weight: 1, active: 1, failedTries: 7 },
    {
      endpoint: '172.17.0.4:8080',
      weight: 3,
      nodeName: 'b',
      zone: 'z',
      active: 0,
      failedTries: 0,
      leftOut: 'not-ready',
    },
  ],
  affinity: { kind: 'kept', timeoutSeconds: 10_800, remainingSeconds: 10_740, endpoint: '172.17.0.3:8080' },
  policy: 'roundRobin',
  turn: ['172.17.0.3:8080', '172.17.0.5:8080'],
};
const outcome: ExplainOutcome = { kind: 'forward', endpoint: '172.17.0.3:8080', by: 'affinity' };

test('step by step', () => {
  assert.equal(
    explainText({ client, frontend: asked, found, outcome }),
    `Client:     10.0.0.7
Frontend:   10.104.58.143:80/TCP of default/webserver (cluster IP), listening
Sources:    every client is served
Limits:     1 flow now, no limit is reached
Endpoints:  1 of 2 get new flows
            + 172.17.0.3:8080  1 active, 7 failed tries
            - 172.17.0.4:8080  0 active, weight 3, node b, zone z; not-ready (neither ready, nor serving while it terminates)
Affinity:   ClientIP, 3h: the client has 172.17.0.3:8080 for another 179m
Policy:     roundRobin: next 172.17.0.3:8080, then 172.17.0.5:8080
Result:     172.17.0.3:8080, by affinity
`,
  );
});

test('no such frontend', () => {
  const nearest = [{ frontend: '10.104.58.143:81/TCP', service: 'default/webserver' }];
  const rejected: ExplainOutcome = { kind: 'reject', reason: 'no-frontend' };
  assert.equal(
    explainText({ client, frontend: asked, nearest, outcome: rejected }),
    `Client:    10.0.0.7
Frontend:  10.104.58.143:80: there is none
Nearest:   10.104.58.143:81/TCP of default/webserver
Result:    rejected: no-frontend (no service has this address)
`,
  );
  assert.match(explainText({ client, frontend: asked, nearest: [], outcome: rejected }), /^Nearest: {3}<none>$/m);
});

test('a frontend that is listened on nowhere', () => {
  const outcome: ExplainOutcome = { kind: 'reject', reason: 'not-listening' };
  assert.equal(
    explainText({ client, frontend: asked, unplaced: 'no place for it', outcome }),
    `Client:    10.0.0.7
Frontend:  10.104.58.143:80
           no place for it
Result:    rejected: not-listening (the frontend could not be bound)
`,
  );
});

const rows: [name: string, over: Partial<ExplainedFrontend>, is: ExplainOutcome, line: RegExp][] = [
  [
    'it cannot be bound',
    { state: 'failed', message: 'port 80 needs CAP_NET_BIND_SERVICE' },
    { kind: 'reject', reason: 'not-listening' },
    /, failed\n +port 80 needs CAP_NET_BIND_SERVICE\n/,
  ],
  ['a named port', { port: 'http', kind: 'node-port' }, outcome, /of default\/webserver:http \(node port\)/],
  [
    'inside the source ranges',
    { sources: ['10.0.0.0/8'] },
    outcome,
    /^Sources: +the client is inside 10\.0\.0\.0\/8$/m,
  ],
  [
    'outside of them',
    { sources: ['192.0.2.0/24'], refusal: 'source-not-allowed' },
    { kind: 'reject', reason: 'source-not-allowed' },
    /^Sources: +the client is outside 192\.0\.2\.0\/24\nLimits: +1 flow now, no limit is reached$/m,
  ],
  [
    'a limit',
    { refusal: 'limit-frontend', active: 5, maxFlows: 5 },
    { kind: 'reject', reason: 'limit-frontend' },
    /^Limits: +5 flows now of 5: limit-frontend \(the frontend carries as many flows as it may\)$/m,
  ],
  [
    'scope local',
    { scope: 'local' },
    outcome,
    /1 of 2 get new flows \(traffic policy Local: only those on this node\)$/m,
  ],
  ['no affinity', { affinity: { kind: 'off' } }, outcome, /^Affinity: +None$/m],
  [
    'no entry',
    { affinity: { kind: 'none', timeoutSeconds: 60 } },
    outcome,
    /^Affinity: +ClientIP, 60s: the client has no entry$/m,
  ],
  [
    'an entry of no use',
    { affinity: { kind: 'left-out', timeoutSeconds: 60, remainingSeconds: 5, endpoint: '172.17.0.4:8080' } },
    outcome,
    /has 172\.17\.0\.4:8080 for another 5s, which gets no new flows$/m,
  ],
  [
    'maglev has no turn',
    { policy: 'maglev' },
    outcome,
    /^Policy: +maglev: the client's address belongs to 172\.17\.0\.3:8080$/m,
  ],
  [
    'nobody has the turn',
    { turn: [] },
    { kind: 'reject', reason: 'no-endpoint' },
    /^Policy: +roundRobin\nResult: +rejected: no-endpoint \(/m,
  ],
  ['a reason without words', {}, { kind: 'reject', reason: 'new-reason' }, /^Result: +rejected: new-reason$/m],
];

describe('what else there is to say', () => {
  for (const [name, over, is, line] of rows) {
    test(name, () =>
      assert.match(explainText({ client, frontend: asked, found: { ...found, ...over }, outcome: is }), line),
    );
  }
  test('chance', () => {
    const { turn: _, ...rest } = found;
    const among = ['172.17.0.3:8080', '172.17.0.5:8080'];
    const text = explainText({
      client,
      frontend: asked,
      found: { ...rest, policy: 'random' },
      outcome: { kind: 'chance', among },
    });
    assert.match(
      text,
      /^Policy: +random: drawn when the flow comes\nResult: +one of 172\.17\.0\.3:8080, 172\.17\.0\.5:8080$/m,
    );
  });
});

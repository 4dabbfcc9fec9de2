import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { parseIperf, parseWrk } from '../../bench/support/loads.ts';

const summary = `Running 3s test @ http://127.66.0.10:8080/
  1 threads and 64 connections
  Thread Stats   Avg      Stdev     Max   +/- Stdev
    Latency   588.44us  374.09us   8.36ms   91.57%
  323941 requests in 3.10s, 52.83MB read
Requests/sec: 104496.95
Transfer/sec:     17.04MB
`;

describe('parseWrk', () => {
  it('reads how many and how fast', () => {
    assert.deepEqual(parseWrk(summary), { requests: 323_941, perSecond: 104_496.95, errors: '' });
  });
  it('keeps what went wrong, in its words', () => {
    const lines = '  Socket errors: connect 0, read 3, write 0, timeout 1\n  Non-2xx or 3xx responses: 4\n';
    const { errors } = parseWrk(summary.replace('Requests/sec', `${lines}Requests/sec`));
    assert.equal(errors, 'Socket errors: connect 0, read 3, write 0, timeout 1; Non-2xx or 3xx responses: 4');
  });
  it('refuses what is not its summary', () => assert.throws(() => parseWrk('unable to connect'), /unable to connect/));
});

describe('parseIperf', () => {
  it('reads what the server received', () => {
    const text = JSON.stringify({ end: { sum_received: { bytes: 5_000, seconds: 2.5, bits_per_second: 16_000 } } });
    assert.deepEqual(parseIperf(text), { bytes: 5_000, seconds: 2.5 });
  });
  it('refuses a run that moved nothing', () => {
    assert.throws(() => parseIperf('{"start":{},"error":"the server is busy"}'), /the server is busy/);
  });
});

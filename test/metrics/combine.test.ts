import assert from 'node:assert/strict';
import { test } from 'node:test';
import { combine } from '../../src/metrics/combine.ts';
import { Target } from '../../src/model/target.ts';
import type { Observer } from '../../src/relay/observer.ts';
import { endingOf, flowOf } from '../support/flows.ts';
import { frontendOf, servicePortNamed } from '../support/live-views.ts';
import { endpoint } from '../support/model.ts';

const frontend = frontendOf(servicePortNamed('web'));
const target = new Target(endpoint('10.0.0.1'));
const flow = flowOf(frontend);
const ending = endingOf('closed');

/** Every event there is, once. */
function tellAll(observer: Observer): void {
  observer.flowOpened(frontend);
  observer.flowConnected(frontend, target, 1);
  observer.connectFailed(frontend, target, 'connect-timeout', true);
  observer.flowClosed(frontend, flow, ending);
  observer.datagramDropped(frontend, 'too-large');
  observer.acceptFailed(frontend, 'EMFILE');
}

/** Uses `this`, as a class does. */
class Recorder implements Observer {
  readonly namesClients = false;
  readonly events: unknown[][] = [];
  flowOpened(...args: unknown[]): void {
    this.events.push(['flowOpened', ...args]);
  }
  flowConnected(...args: unknown[]): void {
    this.events.push(['flowConnected', ...args]);
  }
  connectFailed(...args: unknown[]): void {
    this.events.push(['connectFailed', ...args]);
  }
  flowClosed(...args: unknown[]): void {
    this.events.push(['flowClosed', ...args]);
  }
  datagramDropped(...args: unknown[]): void {
    this.events.push(['datagramDropped', ...args]);
  }
  acceptFailed(...args: unknown[]): void {
    this.events.push(['acceptFailed', ...args]);
  }
}

const all = [
  ['flowOpened', frontend],
  ['flowConnected', frontend, target, 1],
  ['connectFailed', frontend, target, 'connect-timeout', true],
  ['flowClosed', frontend, flow, ending],
  ['datagramDropped', frontend, 'too-large'],
  ['acceptFailed', frontend, 'EMFILE'],
];

for (const count of [1, 2, 3]) {
  test(`${count} observers are each told everything, in order`, () => {
    const recorders = Array.from({ length: count }, () => new Recorder());
    tellAll(combine(recorders));
    for (const recorder of recorders) assert.deepEqual(recorder.events, all);
  });
}

test('none: nobody is told, and nothing fails', () => {
  tellAll(combine([]));
});

test('one that listens to a part is told that part', () => {
  const part: unknown[] = [];
  const recorder = new Recorder();
  tellAll(combine([{ flowClosed: (...args) => part.push(args) }, recorder]));
  assert.deepEqual(part, [[frontend, flow, ending]]);
  assert.deepEqual(recorder.events, all);
});

test('clients are named if any observer needs them', () => {
  const names = (namesClients: boolean): Partial<Observer> => ({ namesClients });
  assert.equal(combine([{}, names(false)]).namesClients, false);
  assert.equal(combine([names(false), names(true)]).namesClients, true);
});

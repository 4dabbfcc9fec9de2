import assert from 'node:assert/strict';
import { homedir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { parseConfig } from '../../src/config/load.ts';

function feeds(text: string) {
  const result = parseConfig(`feeds: [${text}]`, '/etc/sluice/c.yaml');
  assert.equal(result.kind, 'ok', JSON.stringify(result));
  return result.kind === 'ok' ? result.config.feeds : [];
}

function fault(text: string): string {
  const result = parseConfig(`feeds: [${text}]`, 'c.yaml');
  assert.equal(result.kind, 'invalid');
  return result.kind === 'invalid' ? result.problems.map(({ message }) => message).join() : '';
}

test('a Kubernetes feed needs nothing', () => {
  assert.deepEqual(feeds('kubernetes: {}'), [{ kind: 'kubernetes', endpoints: 'auto' }]);
});

test('paths of a Kubernetes feed begin at the configuration', () => {
  const text = '{ kubernetes: { kubeconfig: k, cacheFile: /var/c, context: x, namespace: n, labelSelector: "a=b" } }';
  assert.deepEqual(feeds(text), [
    {
      kind: 'kubernetes',
      endpoints: 'auto',
      kubeconfig: '/etc/sluice/k',
      cacheFile: '/var/c',
      context: 'x',
      namespace: 'n',
      labelSelector: 'a=b',
    },
  ]);
});

test('a kubeconfig may be in the home folder', () => {
  const [feed] = feeds('{ kubernetes: { kubeconfig: ~/.kube/other } }');
  assert.equal(Reflect.get(feed ?? {}, 'kubeconfig'), join(homedir(), '.kube/other'));
});

test('the name of the node may come from the environment', (t) => {
  t.after(() => Reflect.deleteProperty(process.env, 'SLUICE_TEST_NODE'));
  const nodeName = (text: string) => Reflect.get(feeds(`{ kubernetes: { nodeName: ${text} } }`)[0] ?? {}, 'nodeName');
  assert.equal(nodeName('n1'), 'n1');
  assert.equal(nodeName('$SLUICE_TEST_NODE'), undefined);
  process.env.SLUICE_TEST_NODE = 'n2';
  assert.equal(nodeName('$SLUICE_TEST_NODE'), 'n2');
});

test('what is no feed is told', () => {
  assert.match(fault('{}'), /say which feed: file or kubernetes/);
  assert.match(fault('{ file: { path: a }, kubernetes: {} }'), /one feed is one of "file" and "kubernetes"/);
  assert.match(fault('{ kubernetes: { endpoints: maybe } }'), /write auto or slices or endpoints/);
  assert.match(fault('{ kubernetes: { kubeConfig: a } }'), /did you mean "kubeconfig"/);
});

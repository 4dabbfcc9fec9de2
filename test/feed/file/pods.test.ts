import assert from 'node:assert/strict';
import { join } from 'node:path';
import { test } from 'node:test';
import { until } from '../../support/until.ts';
import { replaceFile, serviceText, sliceText, startFeed, temporaryFolder } from './support.ts';

const selecting = (name: string, run: string) => `${serviceText(name)}  selector: { run: ${run} }\n`;
const pod = (ip: string, run: string) =>
  `apiVersion: v1\nkind: Pod\nmetadata: { name: pod-${ip.replaceAll('.', '-')}, labels: { run: ${run} } }\nstatus: { podIP: ${ip}, conditions: [{ type: Ready, status: "True" }] }\n`;
const file = (...objects: string[]) => objects.join('---\n');

test('a pod that comes changes the slices of its service, and those of no other', async (t) => {
  const path = join(temporaryFolder(t), 'web.yaml');
  const services = [selecting('web', 'web'), selecting('other', 'other')];
  replaceFile(path, file(...services, pod('10.0.0.1', 'web'), pod('10.0.0.2', 'other')));
  const { seen } = await startFeed(t, path);
  const slicesOf = (name: string) => seen.last.slices.filter(({ service }) => service === `default/${name}`);
  const [web, other] = [slicesOf('web'), slicesOf('other')];
  assert.deepEqual(
    web.flatMap(({ endpoints }) => endpoints.map(({ address }) => address)),
    ['10.0.0.1'],
  );
  replaceFile(path, file(...services, pod('10.0.0.1', 'web'), pod('10.0.0.3', 'web'), pod('10.0.0.2', 'other')));
  await until(() => seen.states.length === 2, 'the feed has seen the new pod');
  assert.deepEqual(
    slicesOf('web').flatMap(({ endpoints }) => endpoints.map(({ address }) => address)),
    ['10.0.0.1', '10.0.0.3'],
  );
  assert.equal(slicesOf('other')[0], other[0]);
});

test('slices that somebody has written count before the pods', async (t) => {
  const path = join(temporaryFolder(t), 'web.yaml');
  replaceFile(path, file(selecting('web', 'web'), pod('10.0.0.1', 'web'), sliceText('web-1', 'web', '10.0.0.9')));
  const { seen } = await startFeed(t, path);
  assert.deepEqual(
    seen.last.slices.map(({ name }) => name),
    ['default/web-1'],
  );
});

test('a pod that is wrong now stays as it was, and is named', async (t) => {
  const path = join(temporaryFolder(t), 'web.yaml');
  replaceFile(path, file(selecting('web', 'web'), pod('10.0.0.1', 'web')));
  const { feed, seen } = await startFeed(t, path);
  replaceFile(path, file(selecting('web', 'web'), pod('10.0.0.1', 'web').replace('podIP: 10.0.0.1', 'podIP: x')));
  await feed.reload();
  assert.deepEqual(seen.codes, ['MANIFEST_INVALID']);
  assert.equal(seen.last.slices[0]?.endpoints[0]?.address, '10.0.0.1');
});

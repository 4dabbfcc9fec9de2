import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TestContext } from 'node:test';
import type { Access } from '../../../src/feed/kubernetes/access.ts';
import { credentialsOf } from '../../../src/feed/kubernetes/credentials-of.ts';
import { KubeconfigAccess, type KubeconfigInit } from '../../../src/feed/kubernetes/kubeconfig.ts';
import { serviceObject } from '../../support/api-objects.ts';
import type { ApiServer } from '../../support/api-server.ts';
import { temporaryFolder } from '../file/support.ts';
import { hastyClock, startFeed, untilServices } from './support.ts';

export interface Kubeconfig {
  readonly server: string;
  readonly cluster?: object;
  readonly user?: object;
}

/** JSON is YAML. */
export function kubeconfig({ server, cluster = {}, user = {} }: Kubeconfig): string {
  return JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    'current-context': 'nowhere',
    clusters: [
      { name: 'test', cluster: { server, ...cluster } },
      { name: 'nowhere', cluster: { server: 'http://127.0.0.1:1' } },
    ],
    users: [{ name: 'me', user }],
    contexts: [
      { name: 'test', context: { cluster: 'test', user: 'me' } },
      { name: 'nowhere', context: { cluster: 'nowhere', user: 'nobody' } },
      { name: 'broken', context: { cluster: 'missing', user: 'me' } },
    ],
  });
}

export function write(t: TestContext, text: string): string {
  const file = join(temporaryFolder(t), 'kubeconfig');
  writeFileSync(file, text);
  return file;
}

/** In this process, where the library is loaded once and for all. Without `ask` it is as in the program. */
export function accessTo(file: string, init: Partial<KubeconfigInit> = {}): KubeconfigAccess {
  return new KubeconfigAccess({ file, context: 'test', clock: hastyClock, ask: credentialsOf, ...init });
}

/** Services come by this access. */
export async function works(t: TestContext, server: ApiServer, access: Access) {
  server.set(serviceObject('web', '10.96.0.1'));
  const { feed, seen } = await startFeed(t, server, { access });
  await untilServices(seen, 'web');
  assert.deepEqual(seen.problems, []);
  return { feed, seen };
}

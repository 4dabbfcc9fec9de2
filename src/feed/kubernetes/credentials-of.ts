import { readFileSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import type { Credentials, CredentialsQuestion, TlsAndHeaders } from './credentials.ts';
import { type Cluster, type Selected, selectContext, type User } from './kubeconfig-file.ts';

/**
 * What a kubeconfig says now, by @kubernetes/client-node, which is loaded here and nowhere else. Rejects with an `Error` that
 * says what is missing or has failed.
 */
export async function credentialsOf(question: CredentialsQuestion): Promise<Credentials> {
  const selected = await selectContext(question);
  const { cluster, user } = selected;
  const options = await optionsOf(selected).catch((error: unknown) => {
    if (user.exec === undefined) throw error;
    const reason = (error instanceof Error && error.message.trim()) || 'it ended with an error';
    throw new Error(`the credential plugin ${user.exec.command}: ${reason}`);
  });
  const proxy = cluster['proxy-url'];
  return {
    server: cluster.server.replace(/\/+$/, ''),
    options,
    expire: Boolean(user.exec ?? user.tokenFile ?? user['auth-provider']),
    ...(proxy && { proxy }),
  };
}

/** The library reads certificates, asks plugins, renews tokens of OIDC, and says it as options of `node:https`. */
async function optionsOf({ cluster, user }: Selected): Promise<TlsAndHeaders> {
  const { KubeConfig } = await import('@kubernetes/client-node');
  const name = 'only';
  const config = new KubeConfig();
  config.loadFromString(
    JSON.stringify({
      'current-context': name,
      contexts: [{ name, context: { cluster: name, user: name } }],
      clusters: [{ name, cluster: forLibrary(cluster) }],
      users: [{ name, user: userForLibrary(user, cluster) }],
    }),
  );
  const options: RequestOptions = {};
  await config.applyToHTTPSOptions(options);
  return plain(options);
}

/** It allows plain HTTP (a local proxy, a test server) only to who wants no proof, and its agents are of no use elsewhere. */
function forLibrary({ 'proxy-url': _, ...cluster }: Cluster): object {
  return cluster.server.startsWith('http:') ? { ...cluster, 'insecure-skip-tls-verify': true } : cluster;
}

/** It does not know `tokenFile`, nor what client-go tells plugins in KUBERNETES_EXEC_INFO. */
function userForLibrary({ tokenFile, exec, ...user }: Partial<User>, cluster: Cluster): object {
  const token = tokenFile === undefined ? user.token : readFileSync(tokenFile, 'utf8').trim();
  if (exec === undefined) return { ...user, token };
  const info = {
    apiVersion: exec.apiVersion,
    kind: 'ExecCredential',
    spec: { interactive: false, ...(exec.provideClusterInfo && { cluster }) },
  };
  const env = [...(exec.env ?? []), { name: 'KUBERNETES_EXEC_INFO', value: JSON.stringify(info) }];
  return { ...user, token, exec: { ...exec, env } };
}

const passed = ['ca', 'cert', 'key', 'servername', 'rejectUnauthorized', 'auth', 'headers'] as const;

/** As it can go to another process. */
function plain(options: RequestOptions): TlsAndHeaders {
  const entries = passed.map((key) => [key, options[key]] as const).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries.map(([key, value]) => [key, Buffer.isBuffer(value) ? value.toString() : value]));
}

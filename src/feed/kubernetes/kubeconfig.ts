import { existsSync } from 'node:fs';
import type { RequestOptions } from 'node:https';
import { homedir } from 'node:os';
import { join } from 'node:path';
import type { KubeConfig } from '@kubernetes/client-node';
import type { Clock } from '../../base/clock.ts';
import type { Access, Connection } from './access.ts';

export interface KubeconfigInit {
  /** Default: the files of `$KUBECONFIG`, then `~/.kube/config`. */
  readonly file?: string | undefined;
  /** Default: the file's `current-context`. */
  readonly context?: string | undefined;
  readonly clock: Clock;
}

/** A credential plugin may ask a person's browser, but nobody sits before a proxy. */
const pluginTimeoutMs = 60_000;

/**
 * What a kubeconfig says: certificates, tokens, token files, exec plugins, OIDC and proxies, by @kubernetes/client-node.
 * Its generated API is 800 modules and 70 MB, so it is loaded here and by nobody else, when the first request is made.
 */
export class KubeconfigAccess implements Access {
  readonly #init: KubeconfigInit;
  #config: Promise<KubeConfig> | undefined;

  constructor(init: KubeconfigInit) {
    this.#init = init;
  }

  async connection(): Promise<Connection> {
    this.#config ??= load(this.#init);
    try {
      const config = await this.#config;
      const server = config.getCurrentCluster()?.server ?? '';
      const options: RequestOptions = {};
      await this.#inTime(config.applyToHTTPSOptions(options));
      return { server: server.replace(/\/+$/, ''), options };
    } catch (error) {
      this.renew();
      throw error;
    }
  }

  /** Exec plugins are asked again too: what they said last is kept by the library's object for this file. */
  renew(): void {
    this.#config = undefined;
  }

  async #inTime(work: Promise<void>): Promise<void> {
    let giveUp = () => {};
    const late = new Promise<never>((_resolve, reject) => {
      giveUp = () => reject(new Error(`the credential plugin did not answer in ${pluginTimeoutMs / 1000} s`));
    });
    const timer = this.#init.clock.after(pluginTimeoutMs, giveUp);
    await Promise.race([work, late]).finally(() => timer.cancel());
  }
}

async function load({ file, context }: KubeconfigInit): Promise<KubeConfig> {
  if (file === undefined && !process.env.KUBECONFIG && !existsSync(join(homedir(), '.kube', 'config')))
    throw new Error('there is no kubeconfig: name one, set KUBECONFIG, or run as a pod with a ServiceAccount');
  const { KubeConfig } = await import('@kubernetes/client-node');
  const config = new KubeConfig();
  if (file === undefined) config.loadFromDefault();
  else config.loadFromFile(file);
  if (context !== undefined) config.setCurrentContext(context);
  const current = config.getContextObject(config.getCurrentContext());
  const names = config.getContexts().map(({ name }) => name);
  if (current === null)
    throw new Error(`the kubeconfig has no context "${config.getCurrentContext()}"; it has ${names.join(', ')}`);
  if (config.getCurrentCluster() === null) throw new Error(`the kubeconfig has no cluster "${current.cluster}"`);
  return withoutSurprises(config, current.user);
}

/**
 * Two things that kubectl does and the library does not: plain HTTP (a local proxy, a test server) needs no word about
 * TLS, and a context without a user still has the cluster's certificates.
 */
function withoutSurprises(config: KubeConfig, user: string): KubeConfig {
  config.clusters = config.clusters.map((cluster) =>
    cluster.server.startsWith('http:') ? { ...cluster, skipTLSVerify: true } : cluster,
  );
  if (config.getCurrentUser() === null) config.addUser({ name: user });
  return config;
}

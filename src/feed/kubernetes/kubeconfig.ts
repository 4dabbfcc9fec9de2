import type { Clock } from '../../base/clock.ts';
import type { Access, Connection } from './access.ts';
import { askForCredentials } from './credentials.ts';
import type { Environment } from './environment-proxy.ts';
import { agentFor } from './proxy-agent.ts';

export interface KubeconfigInit {
  /** Default: the files of `$KUBECONFIG`, then `~/.kube/config`. */
  readonly file?: string | undefined;
  /** Default: the file's `current-context`. */
  readonly context?: string | undefined;
  readonly clock: Clock;
  /** Where a proxy may be named. Default: that of the process. */
  readonly env?: Environment;
  /** Default: `askForCredentials`. */
  readonly ask?: typeof askForCredentials;
}

/** client-go's: how long the content of a token file is used. */
const freshMs = 60_000;

interface Known {
  readonly connection: Connection;
  /** On the monotonic clock. */
  readonly askedAt: number;
  readonly expire: boolean;
}

/**
 * What a kubeconfig says: certificates, tokens, token files, exec plugins, OIDC and proxies. What somebody else renews is
 * asked for again after a minute, all else when the server refuses it or cannot be reached.
 */
export class KubeconfigAccess implements Access {
  readonly #init: KubeconfigInit;
  #known: Known | undefined;
  #asking: Promise<Known> | undefined;

  constructor(init: KubeconfigInit) {
    this.#init = init;
  }

  /** Those who ask at once get one answer. */
  async connection(): Promise<Connection> {
    const known = this.#known;
    if (known !== undefined && !(known.expire && this.#ageOf(known) >= freshMs)) return known.connection;
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined;
    });
    this.#known = await this.#asking;
    return this.#known.connection;
  }

  /** Where the server is away for long, the same file is not read at each try. */
  renew(connection: Connection, reason: 'refused' | 'unreachable'): void {
    const known = this.#known;
    if (known?.connection !== connection) return;
    if (reason === 'refused' || this.#ageOf(known) >= freshMs) this.#known = undefined;
  }

  #ageOf({ askedAt }: Known): number {
    return this.#init.clock.now() - askedAt;
  }

  async #ask(): Promise<Known> {
    const { clock, file, context, env = process.env, ask = askForCredentials } = this.#init;
    const askedAt = clock.now();
    const { server, proxy, options, expire } = await ask({ file, context }, clock);
    const agent = await agentFor(server, env, proxy);
    return { connection: { server, options: { ...options, ...agent } }, askedAt, expire };
  }
}

import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { formatAddressPort } from '../../model/address.ts';
import type { Access, Connection } from './access.ts';
import type { Environment } from './environment-proxy.ts';
import { agentFor } from './proxy-agent.ts';

export interface InClusterInit {
  /** Holds `token` and `ca.crt`. Default: where the kubelet mounts them. */
  readonly folder?: string;
  /** Where the server is, and by which proxy it is to be reached. Default: that of the process. */
  readonly env?: Environment;
}

const serviceAccountFolder = '/var/run/secrets/kubernetes.io/serviceaccount';

/** A pod's environment says where the API server is (kubelet, "Accessing the API from within a Pod"). */
export function isInCluster(env: Environment = process.env): boolean {
  return Boolean(env.KUBERNETES_SERVICE_HOST && env.KUBERNETES_SERVICE_PORT);
}

/**
 * The ServiceAccount of the pod. The kubelet replaces the token long before it expires, so it is read for each request.
 *
 * Without the library, which would do the same with 70 MB and seconds more, and hold an old token for a minute: a pod
 * beside which sluice is a sidecar pays for every byte, and here two files and two variables are all there is to know.
 */
export class InClusterAccess implements Access {
  readonly #folder: string;
  readonly #env: Environment;
  readonly #server: string;
  #agent: ReturnType<typeof agentFor> | undefined;

  constructor({ folder = serviceAccountFolder, env = process.env }: InClusterInit = {}) {
    this.#folder = folder;
    this.#env = env;
    const { KUBERNETES_SERVICE_HOST: host = '', KUBERNETES_SERVICE_PORT: port = '' } = env;
    this.#server = `https://${formatAddressPort(host, Number(port))}`;
  }

  async connection(): Promise<Connection> {
    this.#agent ??= agentFor(this.#server, this.#env);
    const [agent, token, ca] = await Promise.all([
      this.#agent,
      readFile(join(this.#folder, 'token'), 'utf8'),
      readFile(join(this.#folder, 'ca.crt')),
    ]);
    const headers = { authorization: `Bearer ${token.trim()}` };
    return { server: this.#server, options: { ca, headers, ...agent } };
  }

  renew(): void {}
}

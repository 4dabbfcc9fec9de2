import type { Clock } from '../../base/clock.ts';
import type { KubernetesFeedConfig } from '../../config/load.ts';
import type { Access } from './access.ts';
import { InClusterAccess, isInCluster } from './in-cluster.ts';
import { KubeFeed } from './kube-feed.ts';
import { KubeconfigAccess } from './kubeconfig.ts';

export interface CreateInit {
  readonly name: string;
  readonly clock: Clock;
  readonly config: KubernetesFeedConfig;
  readonly serviceProxyName?: string | undefined;
}

/** The feed that the configuration names. */
export function createKubeFeed({ name, clock, config, serviceProxyName }: CreateInit): KubeFeed {
  return new KubeFeed({ ...config, name, clock, serviceProxyName, access: accessOf(config, clock) });
}

/** What is said comes first, then `$KUBECONFIG`, then the pod's ServiceAccount, then a person's own kubeconfig. */
function accessOf({ kubeconfig: file, context }: KubernetesFeedConfig, clock: Clock): Access {
  const isSaid = file !== undefined || context !== undefined || Boolean(process.env.KUBECONFIG);
  return !isSaid && isInCluster() ? new InClusterAccess() : new KubeconfigAccess({ file, context, clock });
}

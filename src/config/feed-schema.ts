import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { z } from 'zod';
import { label, quoted, strict } from './fields.ts';

const text = z.string().min(1);

const kubernetesSchema = strict({
  kubeconfig: text
    .exactOptional()
    .describe(
      'Relative to this configuration file; ~/ is the home folder. Default: $KUBECONFIG; in a pod, its ServiceAccount; then ~/.kube/config.',
    ),
  context: text.exactOptional().describe("Default: the kubeconfig's current-context."),
  namespace: label.exactOptional().describe('Services of this namespace only; default: all.'),
  nodeName: text
    .exactOptional()
    .describe(
      'The Node that sluice runs on: tells the zone and which endpoints are local. $NAME: from the environment.',
    ),
  labelSelector: text.exactOptional().describe('Services that match it only, as kubectl get -l takes it.'),
  cacheFile: text
    .exactOptional()
    .describe('Keeps the last state for a start while the API server is away; relative to this configuration file.'),
  endpoints: z
    .enum(['auto', 'slices', 'endpoints'])
    .prefault('auto')
    .describe('Where endpoints come from; auto: EndpointSlices, or Endpoints where the server has none (before 1.21).'),
});

const fileSchema = strict({
  path: text.describe('A file or folder of Kubernetes manifests, relative to this configuration file.'),
});

export const feedSchema = strict({
  file: fileSchema.exactOptional().describe('Kubernetes manifests in files.'),
  kubernetes: kubernetesSchema.exactOptional().describe('A Kubernetes API server.'),
}).refine((feed) => Object.keys(feed).length === 1, {
  error: (issue) => {
    const found = Object.keys(issue.input as object);
    return found.length === 0
      ? 'say which feed: file or kubernetes'
      : `one feed is one of ${found.map(quoted).join(' and ')}`;
  },
});

/** Paths are absolute. */
export type FeedConfig = FileFeedConfig | KubernetesFeedConfig;

export interface FileFeedConfig {
  readonly kind: 'file';
  readonly path: string;
}

export interface KubernetesFeedConfig {
  readonly kind: 'kubernetes';
  /** Absent: where the environment says. */
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
  readonly nodeName?: string;
  readonly labelSelector?: string;
  readonly cacheFile?: string;
  readonly endpoints: 'auto' | 'slices' | 'endpoints';
}

/** `folder`: the configuration file's. */
export function feedConfigOf({ file, kubernetes }: z.output<typeof feedSchema>, folder: string): FeedConfig {
  if (kubernetes === undefined) return { kind: 'file', path: resolve(folder, file?.path ?? '') };
  const { kubeconfig, cacheFile, nodeName, ...rest } = kubernetes;
  const name = nodeName?.startsWith('$') ? process.env[nodeName.slice(1)] : nodeName;
  return {
    kind: 'kubernetes',
    ...rest,
    ...(name && { nodeName: name }),
    ...(kubeconfig !== undefined && { kubeconfig: resolve(folder, kubeconfig.replace(/^~(?=\/)/, homedir())) }),
    ...(cacheFile !== undefined && { cacheFile: resolve(folder, cacheFile) }),
  };
}

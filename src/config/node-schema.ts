import { z } from 'zod';
import { type Ip, parseIp } from '../model/address.ts';
import { parseCidr } from '../model/address-set.ts';
import type { NodePortAddresses } from '../model/node.ts';
import { label, listenAddress, quoted, strict, unicast } from './fields.ts';
import type { Fault } from './issues.ts';

const cidr = z.string().transform((value, context) => readCidr(value, context));

function readCidr(value: string, context: z.RefinementCtx): string {
  const parsed = parseCidr(value);
  if (parsed !== undefined) return parsed;
  const address = parseIp(value);
  const hint = address === undefined ? '10.0.0.0/8 or fd00::/8' : `${address}/${address.includes(':') ? 128 : 32}`;
  context.addIssue({
    code: 'custom',
    message: `${quoted(value)} is not a network; write it like ${hint}`,
    input: value,
  });
  return z.NEVER;
}

/** kube-proxy's own form: the word stands where networks do, and alone. */
const nodePortAddresses = z
  .array(z.string().transform((value, context) => (value === 'primary' ? value : readCidr(value, context))))
  .refine((list) => !list.includes('primary') || list.length === 1, {
    error: 'primary stands alone: take it out, or the networks',
  });

/** The keys of a configuration that are about the node that sluice stands on. */
export const nodeShape = {
  node: strict({
    name: z
      .string()
      .min(1)
      .exactOptional()
      .describe("The node's name: endpoints with this nodeName are local. Default: the host name, in small letters."),
    zone: z.string().min(1).exactOptional().describe('topology.kubernetes.io/zone of the node, for hints.'),
    addresses: z
      .array(unicast)
      .exactOptional()
      .describe("The node's own addresses. Default: those of its interfaces, looked at again and again."),
    podCIDRs: z.array(cidr).prefault([]).describe("The networks of the node's pods: their traffic is the node's own."),
  })
    .prefault({})
    .describe('The node that sluice stands on: for traffic policies, hints and node ports.'),
  nodePortAddresses: nodePortAddresses
    .prefault([])
    .describe(
      "On which of the node's addresses node ports are served: CIDRs, or primary, the first of each IP family of the Kubernetes Node or of node.addresses. Default: all, but for ::1.",
    ),
  serviceProxyName: label
    .exactOptional()
    .describe('Services whose label service.kubernetes.io/service-proxy-name says this are served, too.'),
  health: strict({
    listen: listenAddress
      .prefault('off')
      .describe("/healthz and /livez for others than sluice's admin, kube-proxy's are on 0.0.0.0:10256; or off."),
  }).prefault({}),
};

const nodeSchema = z.object(nodeShape);

/** What the configuration says of the node. */
export interface NodeConfig {
  /** Absent: the host name. */
  readonly name?: string;
  readonly zone?: string;
  /** Absent: those of the interfaces. */
  readonly addresses?: readonly Ip[];
  readonly podCidrs: readonly string[];
  readonly nodePortAddresses: NodePortAddresses;
}

export function nodeConfigOf({ node, nodePortAddresses }: z.output<typeof nodeSchema>): NodeConfig {
  const { podCIDRs: podCidrs, ...rest } = node;
  return { ...rest, podCidrs, nodePortAddresses: isPrimary(nodePortAddresses) ? 'primary' : nodePortAddresses };
}

function isPrimary(list: readonly string[]): boolean {
  return list.includes('primary');
}

interface WhoKnowsNode extends z.output<typeof nodeSchema> {
  readonly feeds: readonly { readonly kubernetes?: { readonly nodeName?: string } }[];
}

/** Of an interface's addresses none is the primary one by itself: somebody must say which. */
export function nodeFaults({ node, nodePortAddresses, feeds }: WhoKnowsNode): readonly Fault[] {
  const isKnown = node.addresses !== undefined || feeds.some(({ kubernetes }) => kubernetes?.nodeName !== undefined);
  if (!isPrimary(nodePortAddresses) || isKnown) return [];
  const message = 'primary of which node? Write node.addresses, or the nodeName of a kubernetes feed';
  return [{ code: 'CONFIG_VALUE', path: ['nodePortAddresses', 0], message }];
}

import { z } from 'zod';
import { parseCidr } from '../model/address-set.ts';
import { quoted, strict } from './fields.ts';

/** How VIPs land on this host. */
const vipModes = ['listen', 'assign', 'redirect', 'loopback'] as const;
export type VipMode = (typeof vipModes)[number];

/** How `redirect` leads connections to the relay. */
const redirectWays = ['dnat', 'tproxy'] as const;
export type RedirectWay = (typeof redirectWays)[number];

const cidr = z.string().transform((value, context) => {
  const network = parseCidr(value);
  if (network !== undefined) return network;
  const message = `${quoted(value)} is not a network: write it like 10.96.0.0/12 or fd00::/108`;
  context.addIssue({ code: 'custom', message, input: value });
  return z.NEVER;
});

/** IFNAMSIZ with its final zero is 16; `/` and space cannot be in a name (netdevice(7)). */
const interfaceName = z.string().regex(/^(?!-)[^\s/:]{1,15}$/, {
  error: (issue) => `${quoted(issue.input)} is not the name of an interface, such as lo`,
});

export const vipSchema = strict({
  mode: z
    .enum(vipModes)
    .prefault('listen')
    .describe(
      'listen: VIPs are addresses of this host already; assign: sluice adds and removes them; redirect: nftables leads VIP:PORT to the relay; loopback: 10.1.2.3 is served as 127.1.2.3, without privileges.',
    ),
  listen: strict({
    freeBind: z
      .boolean()
      .prefault(false)
      .describe(
        'Listen on a VIP before it is on an interface of this host (IP_FREEBIND), as a floating one is not on the standby of a VRRP pair. Native engine only.',
      ),
  }).prefault({}),
  assign: strict({
    interface: interfaceName.prefault('lo').describe('The interface that gets the VIPs, each as /32 or /128.'),
    anyIp: z
      .array(cidr)
      .prefault([])
      .describe(
        'Whole networks that become local by one route each, such as the service CIDR, in place of single addresses.',
      ),
  }).prefault({}),
  redirect: strict({
    via: z
      .enum(redirectWays)
      .prefault('dnat')
      .describe(
        'How: dnat translates the destination of each connection (connection tracking); tproxy gives forwarded TCP connections to the relay as they are (TPROXY), with a rule and a route for their packets. What nothing forwards has no other way than dnat: UDP, and what this host sends itself. tproxy: native engine only; needs CAP_NET_ADMIN.',
      ),
    from: z
      .array(cidr)
      .prefault([])
      .describe(
        "Networks whose forwarded traffic reaches ClusterIPs, beside this host itself and its node's pods. NodePorts, external and load-balancer IPs answer everybody.",
      ),
  }).prefault({}),
});

export type VipConfig = z.output<typeof vipSchema>;

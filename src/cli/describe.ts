import { Command } from 'commander';
import type { DescribedPort, DescribeResponse, ListResponse, ServiceObject } from '../admin/shapes.ts';
import type { AdminClient } from './admin-client.ts';
import { formatAge } from './age.ts';
import { type AskingOptions, adminOption, asking, splitName, tellNotFound, usageError } from './asking.ts';
import { tellOfFeeds } from './feed-notices.ts';
import { firstFew, labelsText, resourceOf } from './resources.ts';
import { formatFields } from './text-table.ts';

interface DescribeOptions extends AskingOptions {
  readonly namespace: string;
}

/** `sluice describe service NAME`, as `kubectl describe`. */
export function describeCommand(): Command {
  return new Command('describe')
    .description('tell all that a running sluice knows of services')
    .argument('<type>', 'service (svc); or service/NAME')
    .argument('[name...]', 'names of services; none: all of the namespace')
    .option('-n, --namespace <namespace>', 'the namespace', 'default')
    .addOption(adminOption())
    .action((type: string, names: readonly string[], options: DescribeOptions) =>
      asking(options, async (client) => {
        const wanted = await namesOf([type, ...names], client, options);
        await tellOfFeeds(client);
        let separator = '';
        for (const name of wanted) {
          const answer = await client.get('/describe', new URLSearchParams({ namespace: options.namespace, name }));
          if (answer.kind === 'bad-request') throw usageError(answer.message);
          if (answer.kind === 'not-found') {
            tellNotFound('services', name);
            continue;
          }
          process.stdout.write(separator + describeText(answer.value as DescribeResponse));
          separator = '\n\n';
        }
      }),
    );
}

async function namesOf(
  words: readonly string[],
  client: AdminClient,
  { namespace }: DescribeOptions,
): Promise<readonly string[]> {
  const [first = '', ...rest] = words;
  const [type, name] = splitName(first);
  if (resourceOf(type)?.name !== 'services')
    throw usageError('only services can be described: sluice describe service NAME');
  const names = name === undefined ? rest : words.map((word) => splitName(word)[1] ?? '');
  if (names.includes('')) throw usageError('which one? sluice describe service NAME');
  return names.length > 0 ? names : allNames(client, namespace);
}

async function allNames(client: AdminClient, namespace: string): Promise<readonly string[]> {
  const answer = await client.get('/get/services', new URLSearchParams({ namespace }));
  const items = answer.kind === 'ok' ? (answer.value as ListResponse<ServiceObject>).items : [];
  if (items.length === 0) process.stderr.write(`No resources found in ${namespace} namespace.\n`);
  return items.map(({ metadata }) => metadata.name);
}

type Fields = readonly (readonly [name: string, value: string])[];

/** kubectl's layout, then what only sluice knows, then the events, which it has none of. */
export function describeText({ service, notProxied, ports }: DescribeResponse): string {
  return formatFields([
    ...headOf(service),
    ...service.spec.ports.flatMap((port, index) =>
      portFields(port, notProxied === undefined ? ports[index] : undefined),
    ),
    ...trafficOf(service),
    ...(ports[0] === undefined || notProxied !== undefined ? [] : [['Policy', ports[0].policy] as const]),
    ['Frontends', notProxiedText(notProxied) ?? (ports.flatMap(frontendLines).join('\n') || '<none>')],
    ['Events', '<none>'],
  ]);
}

function headOf({ metadata, spec, status }: ServiceObject): Fields {
  const { ipFamilyPolicy, externalIPs, externalName } = spec;
  const { ingress } = status.loadBalancer;
  return [
    ['Name', metadata.name],
    ['Namespace', metadata.namespace],
    ['Labels', labelsText(metadata.labels ?? {}, '\n')],
    ['Annotations', annotationsText(metadata.annotations ?? {})],
    ['Selector', labelsText(spec.selector ?? {})],
    ['Type', spec.type],
    ...(ipFamilyPolicy === undefined ? [] : [['IP Family Policy', ipFamilyPolicy] as const]),
    ...(spec.ipFamilies === undefined ? [] : [['IP Families', spec.ipFamilies.join(',')] as const]),
    ['IP', spec.clusterIP ?? ''],
    ['IPs', spec.clusterIPs?.join(',') || '<none>'],
    ...(externalName === undefined ? [] : [['External Name', externalName] as const]),
    ...(externalIPs === undefined ? [] : [['External IPs', externalIPs.join(',')] as const]),
    ...(ingress === undefined ? [] : [['LoadBalancer Ingress', ingress.map(({ ip }) => ip).join(', ')] as const]),
  ];
}

function notProxiedText(reason: DescribeResponse['notProxied']): string | undefined {
  return reason && `<none> (not proxied: ${notProxiedTexts[reason]})`;
}

const notProxiedTexts: Readonly<Record<NonNullable<DescribeResponse['notProxied']>, string>> = {
  headless: 'headless, its clients ask DNS for the endpoints',
  'external-name': 'ExternalName, its clients ask DNS for the name',
  'no-cluster-ip': 'it has no clusterIP, and sluice gives none: write one',
};

function annotationsText(annotations: Readonly<Record<string, string>>): string {
  const lines = Object.entries(annotations).map(([key, value]) => `${key}: ${value}`);
  return lines.sort().join('\n') || '<none>';
}

function portFields(
  { name = '<unset>', port, protocol, targetPort = port, nodePort }: ServiceObject['spec']['ports'][number],
  described: DescribedPort | undefined,
): Fields {
  const leftOut = described?.leftOut.map(({ endpoint, reason }) => `${endpoint} (${reason})`) ?? [];
  return [
    ['Port', `${name}  ${port}/${protocol}`],
    ['TargetPort', `${targetPort}/${protocol}`],
    ...(nodePort === undefined ? [] : [['NodePort', `${name}  ${nodePort}/${protocol}`] as const]),
    ...(described === undefined ? [] : [['Endpoints', firstFew(described.endpoints)] as const]),
    ...(leftOut.length === 0 ? [] : [['Left Out', leftOut.join('\n')] as const]),
  ];
}

function trafficOf({ spec }: ServiceObject): Fields {
  const { externalTrafficPolicy, healthCheckNodePort, loadBalancerSourceRanges, sessionAffinityConfig } = spec;
  const seconds = sessionAffinityConfig?.clientIP.timeoutSeconds;
  return [
    ['Session Affinity', spec.sessionAffinity],
    ...(seconds === undefined ? [] : [['Affinity Timeout', formatAge(seconds * 1_000)] as const]),
    ...(externalTrafficPolicy === undefined ? [] : [['External Traffic Policy', externalTrafficPolicy] as const]),
    ...(spec.internalTrafficPolicy === undefined
      ? []
      : [['Internal Traffic Policy', spec.internalTrafficPolicy] as const]),
    ...(healthCheckNodePort === undefined ? [] : [['HealthCheck NodePort', String(healthCheckNodePort)] as const]),
    ...(loadBalancerSourceRanges === undefined
      ? []
      : [['LoadBalancer Source Ranges', loadBalancerSourceRanges.join(',')] as const]),
  ];
}

function frontendLines({ protocol, frontends }: DescribedPort): readonly string[] {
  return frontends.map(
    ({ vip, state, code }) => `${vip}/${protocol}  ${state}${code === undefined ? '' : ` (${code})`}`,
  );
}

import type { ExplainedEndpoint, ExplainedFrontend, ExplainOutcome, ExplainResponse } from '../admin/explain-shape.ts';
import { formatAge } from './age.ts';
import { formatFields } from './text-table.ts';

/** The steps of the decision, a field each, in their order. */
export function explainText({ client, frontend, found, unplaced, nearest, outcome }: ExplainResponse): string {
  if (unplaced !== undefined) {
    return formatFields([
      ['Client', client],
      ['Frontend', `${frontend}\n${unplaced}`],
      ['Result', resultText(outcome)],
    ]);
  }
  if (found === undefined) {
    const near = nearest?.map((each) => `${each.frontend} of ${each.service}`).join('\n');
    return formatFields([
      ['Client', client],
      ['Frontend', `${frontend}: there is none`],
      ['Nearest', near || '<none>'],
      ['Result', resultText(outcome)],
    ]);
  }
  return formatFields([
    ['Client', client],
    ['Frontend', frontendText(found)],
    ['Sources', sourcesText(found)],
    ['Limits', limitsText(found)],
    ['Endpoints', endpointsText(found)],
    ['Affinity', affinityText(found)],
    ['Policy', policyText(found)],
    ['Result', resultText(outcome)],
  ]);
}

function frontendText({ frontend, namespace, service, port, kind, state, message }: ExplainedFrontend): string {
  const name = `${namespace}/${service}${port === '' ? '' : `:${port}`}`;
  const bound = `${frontend} of ${name} (${kindTexts[kind]}), ${state}`;
  return message === undefined ? bound : `${bound}\n${message}`;
}

const kindTexts: Readonly<Record<ExplainedFrontend['kind'], string>> = {
  cluster: 'cluster IP',
  external: 'external IP',
  'load-balancer': 'load balancer IP',
  'node-port': 'node port',
};

function sourcesText({ sources, refusal }: ExplainedFrontend): string {
  if (sources === undefined) return 'every client is served';
  return `${refusal === 'source-not-allowed' ? 'the client is outside' : 'the client is inside'} ${sources.join(', ')}`;
}

function limitsText({ active, maxFlows, refusal }: ExplainedFrontend): string {
  const flows = `${active} ${active === 1 ? 'flow' : 'flows'} now${maxFlows === undefined ? '' : ` of ${maxFlows}`}`;
  if (refusal === undefined || refusal === 'source-not-allowed') return `${flows}, no limit is reached`;
  return `${flows}: ${reasonText(refusal)}`;
}

function endpointsText({ endpoints, scope }: ExplainedFrontend): string {
  const taken = endpoints.filter(({ leftOut }) => leftOut === undefined).length;
  const where = scope === 'local' ? ' (traffic policy Local: only those on this node)' : '';
  return [`${taken} of ${endpoints.length} get new flows${where}`, ...endpoints.map(endpointText)].join('\n');
}

function endpointText({ endpoint, weight, nodeName, zone, active, failedTries, leftOut }: ExplainedEndpoint): string {
  const details = [
    `${active} active`,
    ...(failedTries === 0 ? [] : [`${failedTries} failed ${failedTries === 1 ? 'try' : 'tries'}`]),
    ...(weight === 1 ? [] : [`weight ${weight}`]),
    ...(nodeName === undefined ? [] : [`node ${nodeName}`]),
    ...(zone === undefined ? [] : [`zone ${zone}`]),
  ];
  return `${leftOut === undefined ? '+' : '-'} ${endpoint}  ${details.join(', ')}${leftOut === undefined ? '' : `; ${reasonText(leftOut)}`}`;
}

function affinityText({ affinity }: ExplainedFrontend): string {
  if (affinity.kind === 'off') return 'None';
  const timeout = `ClientIP, ${formatAge(affinity.timeoutSeconds * 1_000)}`;
  if (affinity.kind === 'none') return `${timeout}: the client has no entry`;
  const entry = `the client has ${affinity.endpoint} for another ${formatAge(affinity.remainingSeconds * 1_000)}`;
  return `${timeout}: ${entry}${affinity.kind === 'kept' ? '' : ', which gets no new flows'}`;
}

function policyText({ policy, turn }: ExplainedFrontend): string {
  if (turn === undefined) return `${policy}: drawn when the flow comes`;
  const [next, ...then] = turn;
  if (next === undefined) return policy;
  if (policy === 'maglev') return `${policy}: the client's address belongs to ${next}`;
  return `${policy}: next ${next}${then.map((endpoint) => `, then ${endpoint}`).join('')}`;
}

function resultText(outcome: ExplainOutcome): string {
  if (outcome.kind === 'forward') return `${outcome.endpoint}, by ${outcome.by}`;
  if (outcome.kind === 'chance') return `one of ${outcome.among.join(', ')}`;
  return `rejected: ${reasonText(outcome.reason)}`;
}

/** The word that metrics and logs have for it, and what it means. */
function reasonText(reason: string): string {
  const meaning = meanings[reason];
  return meaning === undefined ? reason : `${reason} (${meaning})`;
}

const meanings: Readonly<Record<string, string>> = {
  'no-frontend': 'no service has this address',
  'not-listening': 'the frontend could not be bound',
  'vips-not-redirected': 'nftables leads no VIP to the relay: /readyz says why',
  'not-inside': 'a ClusterIP answers this host, its pods and vip.redirect.from',
  'no-endpoint': 'the service has no endpoint that gets new flows',
  'no-local-endpoint': 'a traffic policy is Local, and no endpoint is on this node',
  'source-not-allowed': 'the client is outside loadBalancerSourceRanges',
  'limit-process': 'the process carries as many flows as it may',
  'limit-frontend': 'the frontend carries as many flows as it may',
  'limit-service': 'the service carries as many flows as it may',
  shutdown: 'sluice is draining',
  'weight-zero': 'its weight is 0',
  'other-node': 'it is on another node',
  'not-ready': 'neither ready, nor serving while it terminates',
  terminating: 'it terminates, and others are ready',
  'hinted-to-other-node': 'its hints give it to other nodes',
  'hinted-to-other-zone': 'its hints give it to other zones',
};

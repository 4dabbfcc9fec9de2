import type { BalanceExplanation, ExplainedOutcome } from '../balance/explain.ts';
import { familyOf, formatAddressPort, parseAddressPort, parseIp } from '../model/address.ts';
import { type FrontendKey, frontendKey, type Protocol } from '../model/keys.ts';
import type { Endpoint, Frontend } from '../model/snapshot.ts';
import type { ExplainedEntry, ExplainedFrontend, ExplainOutcome, ExplainResponse } from './explain-shape.ts';
import { nearestFrontends, type Wanted } from './nearest.ts';
import type { ExplainedRoute, ObjectSource } from './object-source.ts';

export type ExplainResult =
  | { readonly kind: 'ok'; readonly response: ExplainResponse }
  | { readonly kind: 'invalid'; readonly message: string };

/** Answers `/explain`. */
export function explainFlow(source: ObjectSource, parameters: URLSearchParams): ExplainResult {
  const client = parseIp(parameters.get('client') ?? '');
  if (client === undefined) return { kind: 'invalid', message: 'client is an IP address without a port' };
  const wanted = parseWanted(parameters.get('frontend') ?? '');
  if (wanted === undefined)
    return { kind: 'invalid', message: 'frontend is ip:port or [ipv6]:port, and may end in /TCP or /UDP' };
  const { address, port, protocol } = wanted;
  if (familyOf(client) !== familyOf(address))
    return { kind: 'invalid', message: `an ${familyOf(client)} client never comes to an ${familyOf(address)} VIP` };
  const asked = `${formatAddressPort(address, port)}${protocol === undefined ? '' : `/${protocol}`}`;
  const protocols: readonly Protocol[] = protocol === undefined ? ['TCP', 'UDP'] : [protocol];
  for (const each of protocols) {
    const route = source.explain(client, frontendKey(each, address, port));
    if (route !== undefined) return { kind: 'ok', response: { client, frontend: asked, ...explained(route, source) } };
  }
  const unplaced = unplacedAmong(
    source,
    protocols.map((each) => frontendKey(each, address, port)),
  );
  if (unplaced !== undefined) return { kind: 'ok', response: { client, frontend: asked, ...unplaced } };
  const nearest = nearestFrontends(
    wanted,
    Array.from(source.frontends(), ({ frontend }) => frontend),
  );
  const near = nearest.map((frontend) => ({ frontend: frontend.key, service: serviceOf(frontend) }));
  const outcome: ExplainOutcome = { kind: 'reject', reason: 'no-frontend' };
  return { kind: 'ok', response: { client, frontend: asked, nearest: near, outcome } };
}

/** A frontend that is listened on nowhere: there are no steps to explain. */
function unplacedAmong(
  source: ObjectSource,
  keys: readonly FrontendKey[],
): Pick<ExplainResponse, 'unplaced' | 'outcome'> | undefined {
  const status = [...source.frontends()].find(({ frontend }) => keys.includes(frontend.key));
  if (status?.state.kind !== 'failed') return undefined;
  return { unplaced: status.state.message, outcome: { kind: 'reject', reason: 'not-listening' } };
}

/** `VIP:PORT` or `VIP:PORT/TCP`. */
function parseWanted(text: string): Wanted | undefined {
  const [place = '', protocol, ...rest] = text.split('/');
  const { address, port } = parseAddressPort(place) ?? {};
  if (address === undefined || port === undefined || rest.length > 0) return undefined;
  if (protocol === undefined) return { address, port };
  const name = protocol.toUpperCase();
  return name === 'TCP' || name === 'UDP' ? { address, port, protocol: name } : undefined;
}

function serviceOf({ servicePort: { service, portName } }: Frontend): string {
  return portName === '' ? service : `${service}:${portName}`;
}

function explained(found: ExplainedRoute, source: ObjectSource): Pick<ExplainResponse, 'found' | 'outcome'> {
  const { frontend, state, route } = found;
  const { namespace, name, portName, settings } = frontend.servicePort;
  const { balance, refusal, active } = route;
  const steps: ExplainedFrontend = {
    frontend: frontend.key,
    namespace,
    service: name,
    port: portName,
    kind: frontend.kind,
    state: state.kind,
    ...(state.kind === 'failed' && { message: state.message }),
    ...(frontend.sources && { sources: frontend.sources.texts }),
    ...(refusal !== undefined && { refusal }),
    active,
    ...(Number.isFinite(settings.maxFlowsPerFrontend) && { maxFlows: settings.maxFlowsPerFrontend }),
    scope: balance.scope,
    endpoints: endpointsOf(frontend, balance, source),
    affinity: entryOf(balance),
    policy: balance.policy,
    ...(balance.turn !== undefined && { turn: keysOf(balance.turn) }),
  };
  return { found: steps, outcome: outcomeOf(found) };
}

function endpointsOf({ servicePort }: Frontend, { endpoints }: BalanceExplanation, source: ObjectSource) {
  const view = [...source.servicePorts()].find((each) => each.servicePort.key === servicePort.key);
  return endpoints.map(({ endpoint, leftOut }) => {
    const { key, weight, nodeName, zone } = endpoint;
    const target = view?.targets.get(key);
    return {
      endpoint: key,
      weight,
      ...(nodeName !== undefined && { nodeName }),
      ...(zone !== undefined && { zone }),
      active: target?.stats.active ?? 0,
      failedTries: target === undefined ? 0 : source.failedTries(target),
      ...(leftOut !== undefined && { leftOut }),
    };
  });
}

function entryOf({ affinity }: BalanceExplanation): ExplainedEntry {
  if (affinity.kind === 'off') return affinity;
  const timeoutSeconds = affinity.timeoutMs / 1_000;
  if (affinity.kind === 'none') return { kind: 'none', timeoutSeconds };
  const { kind, remainingMs, endpoint } = affinity;
  return { kind, timeoutSeconds, remainingSeconds: Math.round(remainingMs) / 1_000, endpoint: endpoint.key };
}

/** Whoever does not listen, or is not reached, is not connected to, whatever the rest says. */
function outcomeOf({ state, obstacle, route: { refusal, balance } }: ExplainedRoute): ExplainOutcome {
  if (state.kind !== 'listening') return { kind: 'reject', reason: 'not-listening' };
  if (obstacle !== undefined) return { kind: 'reject', reason: obstacle };
  return refusal === undefined ? shapeOf(balance.outcome) : { kind: 'reject', reason: refusal };
}

function shapeOf(outcome: ExplainedOutcome): ExplainOutcome {
  if (outcome.kind === 'reject') return { kind: 'reject', reason: outcome.reason };
  if (outcome.kind === 'chance') return { kind: 'chance', among: keysOf(outcome.among) };
  return { kind: 'forward', endpoint: outcome.endpoint.key, by: outcome.by };
}

function keysOf(endpoints: readonly Endpoint[]): readonly string[] {
  return endpoints.map(({ key }) => key);
}

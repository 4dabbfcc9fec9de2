import type { Policy } from '../model/settings.ts';
import type { Endpoint, Scope, ServicePort } from '../model/snapshot.ts';
import type { Route } from '../relay/relay.ts';
import type { AffinityEntry } from './affinity.ts';
import { judge, type LeftOutReason, leftOutReason } from './eligibility.ts';

/** What would become of one client's flow now, and why. Nothing in it is a promise: the next flow may change it. */
export interface BalanceExplanation {
  readonly scope: Scope;
  readonly policy: Policy;
  /** All that are known, in their order, with the reason of those that get no new flows. */
  readonly endpoints: readonly JudgedEndpoint[];
  readonly affinity: ExplainedAffinity;
  /** Who gets the next flows that affinity does not decide, one after the other; `undefined`: chance decides. */
  readonly turn: readonly Endpoint[] | undefined;
  readonly outcome: ExplainedOutcome;
}

export interface JudgedEndpoint {
  readonly endpoint: Endpoint;
  readonly leftOut?: LeftOutReason;
}

export type ExplainedAffinity =
  /** `sessionAffinity: None` */
  | { readonly kind: 'off' }
  /** The client has no entry, or an expired one. */
  | { readonly kind: 'none'; readonly timeoutMs: number }
  /** The client keeps its endpoint: for `remainingMs`, if it does not come again. */
  | { readonly kind: 'kept'; readonly timeoutMs: number; readonly remainingMs: number; readonly endpoint: Endpoint }
  /** There is an entry, and its endpoint gets no new flows: the client gets another one. */
  | {
      readonly kind: 'left-out';
      readonly timeoutMs: number;
      readonly remainingMs: number;
      readonly endpoint: Endpoint;
    };

export type ExplainedOutcome =
  | { readonly kind: 'forward'; readonly endpoint: Endpoint; readonly by: 'affinity' | 'policy' }
  /** One of these, which is drawn when the flow comes. */
  | { readonly kind: 'chance'; readonly among: readonly Endpoint[] }
  | Extract<Route, { kind: 'reject' }>;

export interface ExplainInput {
  readonly servicePort: ServicePort;
  readonly scope: Scope;
  /** What the client has, if affinity is on. */
  readonly entry: AffinityEntry | undefined;
  /** What the picker's `peek` says. */
  readonly turn: readonly Endpoint[] | undefined;
  /** The answer where no endpoint is to be had. */
  readonly none: Extract<Route, { kind: 'reject' }>;
}

/** How many of the turn are told: nobody reads more. */
export const mostTurns = 4;

/** The same decision as `Balancer.route` makes for a flow that has tried nothing, with its grounds; pure. */
export function explain({ servicePort, scope, entry, turn, none }: ExplainInput): BalanceExplanation {
  const { settings, endpoints, place } = servicePort;
  const judgement = judge(endpoints, scope, place);
  const judged = endpoints.map((endpoint): JudgedEndpoint => {
    const leftOut = leftOutReason(endpoint, judgement);
    return { endpoint, ...(leftOut !== undefined && { leftOut }) };
  });
  const taken = judged.filter(({ leftOut }) => leftOut === undefined).map(({ endpoint }) => endpoint);
  const affinity = affinityOf(servicePort, taken, entry);
  const outcome = taken.length === 0 ? none : outcomeOf(affinity, taken, turn);
  return { scope, policy: settings.policy, endpoints: judged, affinity, turn, outcome };
}

function affinityOf(
  { affinityTimeoutMs: timeoutMs }: ServicePort,
  taken: readonly Endpoint[],
  entry: AffinityEntry | undefined,
): ExplainedAffinity {
  if (timeoutMs === undefined) return { kind: 'off' };
  if (entry === undefined) return { kind: 'none', timeoutMs };
  const { target, remainingMs } = entry;
  const { endpoint } = target;
  const kind = taken.some(({ key }) => key === endpoint.key) ? 'kept' : 'left-out';
  return { kind, timeoutMs, remainingMs, endpoint };
}

function outcomeOf(
  affinity: ExplainedAffinity,
  taken: readonly Endpoint[],
  turn: readonly Endpoint[] | undefined,
): ExplainedOutcome {
  if (affinity.kind === 'kept') return { kind: 'forward', endpoint: affinity.endpoint, by: 'affinity' };
  const [next] = turn ?? [];
  return next === undefined ? { kind: 'chance', among: taken } : { kind: 'forward', endpoint: next, by: 'policy' };
}

import { type LabelSelector, parseLabelSelector } from './label-selector.ts';
import type { Labels } from './shapes.ts';

/** Which items of a list are wanted. */
export interface ListQuery {
  /** Whether a service, with everything that belongs to it, is meant. */
  readonly service: (service: { readonly namespace: string; readonly labels: Labels }) => boolean;
  /** Whether an item that is called this is meant. */
  readonly name: (name: string) => boolean;
}

export type QueryResult =
  | { readonly kind: 'ok'; readonly query: ListQuery }
  | { readonly kind: 'invalid'; readonly message: string };

/** Reads `namespace`, `name` and `labelSelector`; a parameter of another name is an error, as a typo would be. */
export function parseListQuery(parameters: URLSearchParams): QueryResult {
  const known = ['namespace', 'name', 'labelSelector'];
  if ([...parameters.keys()].some((key) => !known.includes(key)))
    return { kind: 'invalid', message: `the parameters are ${known.join(', ')}` };
  const selector = parseLabelSelector(parameters.get('labelSelector') ?? '');
  if (selector.kind === 'invalid') return selector;
  return { kind: 'ok', query: queryOf(parameters.get('namespace'), parameters.getAll('name'), selector.matches) };
}

function queryOf(namespace: string | null, names: readonly string[], matches: LabelSelector): ListQuery {
  return {
    service: (service) => (namespace === null || service.namespace === namespace) && matches(service.labels),
    name: (name) => names.length === 0 || names.includes(name),
  };
}

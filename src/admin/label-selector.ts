import type { Labels } from './shapes.ts';

/** Whether an object with these labels is meant. */
export type LabelSelector = (labels: Labels) => boolean;

export type SelectorResult =
  | { readonly kind: 'ok'; readonly matches: LabelSelector }
  | { readonly kind: 'invalid'; readonly message: string };

/**
 * Kubernetes' label selectors: requirements with commas between, all of which must hold. `k=v` and `k==v`, `k!=v`,
 * `k in (a, b)`, `k notin (a, b)`, `k` (it has the label), `!k` (it has not). What is not there is not equal to
 * anything: `k!=v` and `k notin (v)` hold for an object without `k`. An empty selector means every object.
 */
export function parseLabelSelector(text: string): SelectorResult {
  const requirements: LabelSelector[] = [];
  for (const part of splitOutside(text)) {
    const requirement = requirementOf(part);
    if (requirement === undefined) return { kind: 'invalid', message: usage };
    requirements.push(requirement);
  }
  return { kind: 'ok', matches: (labels) => requirements.every((matches) => matches(labels)) };
}

const usage =
  'not a label selector: write k=v, k!=v, k in (a, b), k notin (a, b), k or !k, with commas between several';

/** At the commas that are not in brackets. */
function splitOutside(text: string): readonly string[] {
  return text.trim() === '' ? [] : text.split(/,(?![^(]*\))/).map((part) => part.trim());
}

/** `Prefix/Name` as Kubernetes allows them; a value may be empty. */
const key = '(?<key>(?:[a-z0-9.-]{1,253}/)?[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)';
const valuePattern = /^(?:[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$/;
const hasLabel = new RegExp(`^(?<not>!?)\\s*${key}$`);
const equals = new RegExp(`^${key}\\s*(?<operator>==|=|!=)\\s*(?<value>[^=!]*)$`);
const isIn = new RegExp(`^${key}\\s+(?<operator>in|notin)\\s*\\((?<values>[^()]*)\\)$`);

function requirementOf(part: string): LabelSelector | undefined {
  const has = hasLabel.exec(part)?.groups;
  if (has?.key !== undefined) return presence(has.key, has.not !== '!');
  const equal = equals.exec(part)?.groups;
  if (equal?.key !== undefined) return membership(equal.key, [equal.value ?? ''], equal.operator !== '!=');
  const list = isIn.exec(part)?.groups;
  if (list?.key === undefined) return undefined;
  return membership(list.key, (list.values ?? '').split(','), list.operator === 'in');
}

function presence(name: string, wanted: boolean): LabelSelector {
  return (labels) => Object.hasOwn(labels, name) === wanted;
}

function membership(name: string, texts: readonly string[], wanted: boolean): LabelSelector | undefined {
  const values = texts.map((text) => text.trim());
  if (!values.every((value) => valuePattern.test(value))) return undefined;
  return (labels) => {
    const value = Object.hasOwn(labels, name) ? labels[name] : undefined;
    return (value !== undefined && values.includes(value)) === wanted;
  };
}

import type { z } from 'zod';
import { quoted } from './fields.ts';
import type { Path } from './path.ts';

/** What is wrong with a value, and where in it. */
export interface Fault {
  readonly code: string;
  readonly path: Path;
  readonly message: string;
}

type Issue = z.core.$ZodIssue;

/** The faults behind zod's issues: one for each unknown key, and of a union those of the form that was meant. */
export function faultsOf(issues: readonly Issue[], value: unknown): readonly Fault[] {
  return issues.flatMap((issue) => issueFaults(issue, value, []));
}

function issueFaults(issue: Issue, root: unknown, before: Path): readonly Fault[] {
  const path = [...before, ...(issue.path as Path)];
  switch (issue.code) {
    case 'unrecognized_keys':
      return unknownKeys(issue.keys, issue.message, path);
    case 'invalid_union':
      return unionFaults(issue.errors, issue.message, root, path);
    case 'invalid_type':
      return [typeFault(issue, valueAt(root, path), path)];
    case 'invalid_value':
      return [{ code: 'CONFIG_VALUE', path, message: choiceMessage(issue.values, valueAt(root, path)) }];
    case 'too_small':
    case 'too_big':
      return [{ code: 'CONFIG_VALUE', path, message: rangeMessage(issue) }];
    default:
      return [{ code: 'CONFIG_VALUE', path, message: issue.message }];
  }
}

function unknownKeys(keys: readonly string[], message: string, path: Path): readonly Fault[] {
  const lines = message.split('\n');
  return keys.map((key, index) => {
    return { code: 'CONFIG_UNKNOWN_KEY', path: [...path, key], message: lines[index] ?? `unknown key "${key}"` };
  });
}

/** zod's own words; every other message is ours. */
const isStock = (message: string) => /^(?:Invalid input|Too (?:small|big))/.test(message);

function typeFault(issue: Extract<Issue, { code: 'invalid_type' }>, value: unknown, path: Path): Fault {
  if (value === undefined) return { code: 'CONFIG_MISSING_KEY', path, message: 'this key is missing' };
  const expected = isStock(issue.message) ? `expected ${nameOf(issue.expected)}` : issue.message;
  return { code: 'CONFIG_TYPE', path, message: `${expected}, found ${describe(value)}` };
}

function rangeMessage(issue: Extract<Issue, { code: 'too_small' | 'too_big' }>): string {
  if (!isStock(issue.message)) return issue.message;
  const what = issue.origin === 'string' ? ' characters' : issue.origin === 'array' ? ' items' : '';
  return issue.code === 'too_small'
    ? `expected at least ${issue.minimum}${what}`
    : `expected at most ${issue.maximum}${what}`;
}

const names: Readonly<Record<string, string>> = {
  object: 'a map',
  array: 'a list',
  string: 'a text',
  int: 'a whole number',
  number: 'a number',
  boolean: 'true or false',
};

function nameOf(expected: string): string {
  return names[expected] ?? expected;
}

function describe(value: unknown): string {
  if (value === null) return 'nothing';
  if (Array.isArray(value)) return 'a list';
  return typeof value === 'object' ? 'a map' : quoted(value);
}

function choiceMessage(choices: readonly unknown[], value: unknown): string {
  const found = value === undefined ? 'this key is missing' : `found ${describe(value)}`;
  return `${found}; write ${choices.map(String).join(' or ')}`;
}

/** Of the forms that a value may have, the one that fits its type is the one that was meant. */
function unionFaults(
  forms: readonly (readonly Issue[])[],
  message: string,
  root: unknown,
  path: Path,
): readonly Fault[] {
  const isOtherType = (issue: Issue) =>
    issue.path.length === 0 && (issue.code === 'invalid_type' || issue.code === 'invalid_value');
  const meant = forms.find((issues) => issues.length > 0 && !issues.some(isOtherType));
  if (meant !== undefined) return meant.flatMap((issue) => issueFaults(issue, root, path));
  const value = valueAt(root, path);
  if (!isStock(message)) return [{ code: 'CONFIG_TYPE', path, message: `${message}, found ${describe(value)}` }];
  const expected = forms.flatMap((issues) => issues.filter(isOtherType).map(expectation));
  return [{ code: 'CONFIG_TYPE', path, message: `expected ${expected.join(' or ')}, found ${describe(value)}` }];
}

function expectation(issue: Issue): string {
  if (issue.code === 'invalid_type') return nameOf(issue.expected);
  return issue.code === 'invalid_value' ? issue.values.map(String).join(' or ') : issue.message;
}

function valueAt(root: unknown, path: Path): unknown {
  let value = root;
  for (const key of path) value = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
  return value;
}

import { closest, distance } from 'fastest-levenshtein';
import { z } from 'zod';
import type { Ip } from '../model/address.ts';
import { isPort, parseAddressPort, parseIp } from '../model/address.ts';
import { parseCidr } from '../model/address-set.ts';
import { durationPattern, parseDuration, parseSize, sizePattern } from './units.ts';

/** The kinds of values that a configuration is made of: each reads what a person writes and gives what the program needs. */

/** `"prot"` → `, did you mean "port"?`, or nothing if no candidate is near. */
export function suggestion(word: string, candidates: readonly string[]): string {
  const near = candidates.length === 0 ? '' : closest(word, candidates);
  const isNear =
    near !== '' && differences(word, near) <= (near.length < 4 ? 1 : Math.max(2, Math.floor(near.length / 3)));
  return isNear ? `; did you mean "${near}"?` : '';
}

/** A value as it stands in a message: as JSON, cut where it is long. */
export function quoted(value: unknown): string {
  const json = JSON.stringify(value) ?? String(value);
  return json.length <= 60 ? json : `${json.slice(0, 57)}...`;
}

function differences(word: string, other: string): number {
  return word.toLowerCase() === other.toLowerCase() ? 0 : distance(word, other);
}

/** An object in which unknown keys are errors. The message has one line for each of them. */
export function strict<Shape extends z.ZodRawShape>(shape: Shape) {
  const known = Object.keys(shape);
  return z.strictObject(shape, {
    error: (issue) => {
      if (issue.code !== 'unrecognized_keys') return undefined;
      const lines = (issue.keys as string[]).map((key) => {
        const hint = suggestion(key, known);
        return `unknown key ${quoted(key)}${hint || `; the keys here are ${known.join(', ')}`}`;
      });
      return lines.join('\n');
    },
  });
}

/** A text that `read` understands; what it answers is the value. */
function text<Value>(expected: string, read: (text: string) => Value | undefined, pattern?: RegExp) {
  const string = z.string({ error: (issue) => (issue.input === undefined ? undefined : `expected ${expected}`) });
  const input = pattern === undefined ? string : string.meta({ pattern: pattern.source });
  return input.transform((value, context) => {
    const result = read(value);
    if (result !== undefined) return result;
    context.addIssue({ code: 'custom', message: `${quoted(value)} is not ${expected}`, input: value });
    return z.NEVER;
  });
}

/** A time in milliseconds, at least `minMs`. */
export function duration(minMs = 1) {
  const expected =
    minMs > 0 ? 'a time longer than 0 with its unit, such as 250ms, 5s, 1m30s or 2h' : 'a time such as 5s';
  const read = (value: string) => {
    const ms = parseDuration(value);
    return ms !== undefined && ms >= minMs ? ms : undefined;
  };
  // A bare 0 is the same in every unit, so it needs none; YAML makes a number of it.
  if (minMs > 0) return text(expected, read, durationPattern);
  return z.preprocess((value) => (value === 0 ? '0' : value), text(expected, read, durationPattern));
}

const offWords = ['off', 'never'];
const offPattern = new RegExp(`${durationPattern.source}|^(?:${offWords.join('|')})$`);

/** A time in milliseconds, or `Infinity` for `off` and `never`. */
export function durationOrOff() {
  const expected = 'a time with its unit, such as 5s or 2h, or off';
  const read = (value: string) => {
    if (offWords.includes(value)) return Number.POSITIVE_INFINITY;
    const ms = parseDuration(value);
    return ms !== undefined && ms > 0 ? ms : undefined;
  };
  return text(expected, read, offPattern);
}

/** Bytes between `min` and `max`, written as a number or with a unit. */
export function size(min: number, max: number) {
  const inRange = (bytes: number) => bytes >= min && bytes <= max;
  const expected = `a size between ${min} and ${max} bytes, such as 65536, 64KiB or 1MiB`;
  const read = (value: string | number) => (typeof value === 'number' ? value : parseSize(value));
  return z.union([z.int(), z.string().meta({ pattern: sizePattern.source })]).transform((value, context) => {
    const bytes = read(value);
    if (bytes !== undefined && inRange(bytes)) return bytes;
    context.addIssue({ code: 'custom', message: `${quoted(value)} is not ${expected}`, input: value });
    return z.NEVER;
  });
}

/** A positive whole number, or `Infinity` for the word `off`. */
export function countOrOff() {
  const off = z.literal('off').transform(() => Number.POSITIVE_INFINITY);
  return z.union([z.int().min(1), off], { error: () => 'expected a whole number of at least 1, or off' });
}

export const port = z
  .int()
  .refine(isPort, { error: (issue) => `${issue.input} is not a port; ports go from 1 to 65535` })
  .meta({
    minimum: 1,
    maximum: 65_535,
  });

/** Why nothing can listen on or be reached at this very address, or `undefined`. */
export function uselessAddress(address: Ip): string | undefined {
  if (address === '0.0.0.0' || address === '::') return 'it is the wildcard; name each address itself';
  if (/^(?:22[4-9]|23\d)\./.test(address) || /^ff..:/.test(address)) return 'it is a multicast address';
  if (address === '255.255.255.255') return 'it is the broadcast address';
  if (/^::ffff:/i.test(address)) return 'it is IPv4 in the clothes of IPv6; write the IPv4 address';
  return undefined;
}

/** The address of one host, in its canonical form. */
export const unicast = z.string().transform((value, context) => {
  const address = parseIp(value);
  const fault = address === undefined ? 'write it like 10.96.0.1 or fd00::1' : uselessAddress(address);
  if (address !== undefined && fault === undefined) return address;
  const what = address === undefined ? 'is not an IP address' : 'cannot be used';
  context.addIssue({ code: 'custom', message: `${quoted(value)} ${what}: ${fault}`, input: value });
  return z.NEVER;
});

/** A CIDR or an address, in its canonical form: what an `AddressSet` is made of. */
export const network = text('a CIDR or an address, such as 10.0.0.0/8, fd00::/8 or 192.0.2.1', (value) => {
  return parseCidr(value) ?? parseIp(value);
});

/** `127.0.0.1:9090`: where to listen. Unlike a VIP it may be the wildcard. */
export const listenAddress = text(
  'an address and port such as 127.0.0.1:9090 or [::1]:9090, unix:/path, or off',
  (value) => {
    if (value === 'off') return { kind: 'off' as const };
    if (value.startsWith('unix:/')) return { kind: 'unix' as const, path: value.slice('unix:'.length) };
    const parsed = /^(.*):0$/.exec(value);
    const bare = parsed?.[1] === undefined ? undefined : parseAddressPort(parsed[1]);
    if (bare !== undefined && bare.port === undefined) return { kind: 'tcp' as const, address: bare.address, port: 0 };
    const { address, port: number } = parseAddressPort(value) ?? {};
    if (address === undefined || number === undefined) return undefined;
    return { kind: 'tcp' as const, address, port: number };
  },
);

/** RFC 1123 label: what Kubernetes allows as the name of a service, a namespace or a port. */
export const label = z
  .string()
  .max(63, { error: 'a name has at most 63 characters' })
  .regex(/^[a-z0-9](?:[-a-z0-9]*[a-z0-9])?$/, {
    error: (issue) => `${quoted(issue.input)} is not a name: use small letters, digits and - inside`,
  });

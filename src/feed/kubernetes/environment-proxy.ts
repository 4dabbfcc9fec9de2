import { type Ip, parseIp } from '../../model/address.ts';
import { AddressSet, parseCidr } from '../../model/address-set.ts';

export type Environment = Readonly<Record<string, string | undefined>>;

/** What requests are made to. */
interface Destination {
  /** Without the brackets of IPv6. */
  readonly host: string;
  readonly ip: Ip | undefined;
  readonly port: string;
}

/**
 * The proxy that the environment names for `server`, as kubectl and all that is made of client-go have it
 * (golang.org/x/net/http/httpproxy): HTTPS_PROXY or HTTP_PROXY by the scheme of the server, the lower-case names where those
 * are not set, without a scheme it is HTTP; never for `localhost` and loopback addresses, nor for what NO_PROXY lists.
 * Throws an `Error` that says which variable is wrong, but not what is in it: it may be a password.
 */
export function environmentProxy(server: string, env: Environment): string | undefined {
  const { protocol, hostname, port } = new URL(server);
  const isSecure = protocol === 'https:';
  const name = isSecure ? 'HTTPS_PROXY' : 'HTTP_PROXY';
  const proxy = variable(env, name);
  if (proxy === '') return undefined;
  const host = hostname.replace(/^\[(.*)\]$/, '$1');
  const destination = { host, ip: parseIp(host), port: port || (isSecure ? '443' : '80') };
  if (isLocal(destination) || isExcepted(destination, variable(env, 'NO_PROXY'))) return undefined;
  return proxyUrl(name, proxy);
}

/** An empty one counts as none. */
function variable(env: Environment, name: string): string {
  return env[name] || env[name.toLowerCase()] || '';
}

const schemes: ReadonlySet<string> = new Set(['http:', 'https:', 'socks5:', 'socks5h:']);

function proxyUrl(name: string, proxy: string): string {
  const url = proxy.includes('://') ? proxy : `http://${proxy}`;
  if (URL.canParse(url) && schemes.has(new URL(url).protocol)) return url;
  throw new Error(`${name} is not the URL of a proxy: http, https, socks5 or socks5h://host:port`);
}

const loopback = new AddressSet(['127.0.0.0/8', '::1']);

function isLocal({ host, ip }: Destination): boolean {
  return host === 'localhost' || (ip !== undefined && loopback.has(ip));
}

/** NO_PROXY: `*`, or addresses, networks and domains, separated by commas; all but networks may have a port. */
function isExcepted(destination: Destination, list: string): boolean {
  return list.split(',').some((item) => matches(item.trim().toLowerCase(), destination));
}

/** `foo.com` is that host and all below it; `.foo.com` and `*.foo.com` are only those below. No domain is an address. */
function matches(item: string, { host, ip, port }: Destination): boolean {
  if (item === '' || item === '*') return item === '*';
  const network = parseCidr(item);
  if (network !== undefined) return ip !== undefined && new AddressSet([network]).has(ip);
  const { name, only = port } = withPort(item);
  if (name === '' || only !== port) return false;
  if (ip !== undefined) return parseIp(name) === ip;
  const domain = name.replace(/^\*\./, '.');
  return domain.startsWith('.') ? host.endsWith(domain) : host === domain || host.endsWith(`.${domain}`);
}

/** `host:port`, `[IPv6]:port`, or neither: an IPv6 address without brackets has no port. */
function withPort(item: string): { readonly name: string; readonly only?: string | undefined } {
  const { name, plain, only } = /^(?:\[(?<name>[^\]]*)\]|(?<plain>[^:]*))(?::(?<only>\d*))?$/.exec(item)?.groups ?? {};
  return { name: name ?? plain ?? item, only: only || undefined };
}

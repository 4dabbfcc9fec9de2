import { existsSync } from 'node:fs';
import { UserError } from '../base/errors.ts';
import type { AdminListen } from '../config/schema.ts';
import { isPort } from '../model/address.ts';
import { defaultConfigFile } from './default-config.ts';

/** Where the admin server of a running sluice answers. */
export type AdminTarget =
  | { readonly kind: 'tcp'; readonly host: string; readonly port: number }
  | { readonly kind: 'unix'; readonly path: string };

const fallback: AdminTarget = { kind: 'tcp', host: '127.0.0.1', port: 9090 };

/**
 * `given` (`--admin`), else $SLUICE_ADMIN, else `admin.listen` of the default configuration file, else 127.0.0.1:9090.
 * Throws a `UserError` if the first of these that is there is no address.
 */
export async function adminTarget(
  given?: string,
  environment = process.env.SLUICE_ADMIN,
  configFile = defaultConfigFile,
): Promise<AdminTarget> {
  if (given !== undefined) return parseTarget(given, '--admin');
  if (environment) return parseTarget(environment, '$SLUICE_ADMIN');
  return existsSync(configFile) ? configured(configFile) : fallback;
}

async function configured(file: string): Promise<AdminTarget> {
  const { loadConfig } = await import('../config/load.ts');
  const loaded = await loadConfig(file);
  return loaded.kind === 'ok' ? targetOf(loaded.config.admin.listen, file) : fallback;
}

/** A wildcard that is listened on is reached over loopback. */
export function targetOf(listen: AdminListen, file: string): AdminTarget {
  if (listen.kind === 'unix') return listen;
  if (listen.kind === 'off')
    throw new UserError([
      { code: 'ADMIN_OFF', message: `admin.listen is off in ${file}: there is nobody to ask; say where with --admin` },
    ]);
  const loopback: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' };
  return { kind: 'tcp', host: loopback[listen.address] ?? listen.address, port: listen.port };
}

/** `host:port`, `[ipv6]:port` or `unix:/path`. */
export function parseTarget(text: string, source: string): AdminTarget {
  if (text.startsWith('unix:/')) return { kind: 'unix', path: text.slice('unix:'.length) };
  const {
    six,
    host = six,
    port,
  } = /^(?:\[(?<six>[^\]\s]+)\]|(?<host>[^:/\s]+)):(?<port>\d{1,5})$/.exec(text)?.groups ?? {};
  if (host !== undefined && isPort(Number(port))) return { kind: 'tcp', host, port: Number(port) };
  throw new UserError([
    {
      code: 'ADMIN_ADDRESS',
      message: `${source} is ${JSON.stringify(text)}: write host:port, [ipv6]:port or unix:/path`,
    },
  ]);
}

/** As a person would write it. */
export function formatTarget(target: AdminTarget): string {
  if (target.kind === 'unix') return `unix:${target.path}`;
  return target.host.includes(':') ? `[${target.host}]:${target.port}` : `${target.host}:${target.port}`;
}

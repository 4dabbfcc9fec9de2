import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { delimiter, dirname, isAbsolute, join, resolve } from 'node:path';
import { z } from 'zod';
import { errorCode } from '../../base/errors.ts';
import { parseDocument } from '../../config/document.ts';

/** clientcmd/v1 `Config`, as far as we look into it ourselves; all else goes on to the library as it is. */
const text = z.string();
const optional = <Schema extends z.ZodType>(schema: Schema) =>
  schema.nullish().transform((value) => value ?? undefined);
/** Empty is absent, as everywhere in Go. */
const optionalText = text.nullish().transform((value) => value || undefined);
const variable = z.object({ name: text, value: text });
const exec = z.looseObject({
  command: text.min(1),
  apiVersion: optionalText,
  env: optional(z.array(variable)),
  provideClusterInfo: optional(z.boolean()),
});
const cluster = z.looseObject({
  server: text.regex(/^https?:\/\/[^/]/, 'it must begin with https:// or http://'),
  'certificate-authority': optionalText,
  'certificate-authority-data': optionalText,
  'proxy-url': optionalText,
});
const user = z.looseObject({
  token: optionalText,
  tokenFile: optionalText,
  'client-certificate': optionalText,
  'client-certificate-data': optionalText,
  'client-key': optionalText,
  'client-key-data': optionalText,
  exec: optional(exec),
});
const context = z.looseObject({ cluster: text, user: optionalText });
const list = <Item extends z.ZodRawShape>(item: Item) => optional(z.array(z.looseObject({ name: text, ...item })));
const schema = z.looseObject({
  'current-context': optionalText,
  clusters: list({ cluster }),
  users: list({ user: optional(user) }),
  contexts: list({ context }),
});

type Kubeconfig = z.output<typeof schema>;
export type Cluster = z.output<typeof cluster>;
export type User = z.output<typeof user>;

/** What one context names; all paths in it are absolute. */
export interface Selected {
  readonly cluster: Cluster;
  /** Empty: the context has none. */
  readonly user: Partial<User>;
}

export interface SelectInit {
  /** Default: the files of `$KUBECONFIG`, then `~/.kube/config`. */
  readonly file?: string | undefined;
  /** Default: `current-context`. */
  readonly context?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>>;
}

/**
 * Reads kubeconfig files as kubectl does: of several, those that are missing count for nothing, and what two define, the
 * first has; what is relative is so to its file. Rejects with an `Error` that says what is missing.
 */
export async function selectContext({ file, context: wanted, env = process.env }: SelectInit): Promise<Selected> {
  const paths = file === undefined ? pathsOf(env) : [file];
  const configs = (await Promise.all(paths.map((path) => read(path, paths.length === 1)))).flat();
  if (configs.length === 0) throw new Error(`there is none of the files of KUBECONFIG: ${paths.join(', ')}`);
  const name = wanted ?? configs.find((config) => config['current-context'])?.['current-context'] ?? '';
  const contexts = configs.flatMap(({ contexts: all = [] }) => all);
  const chosen = contexts.find((each) => each.name === name)?.context;
  if (chosen === undefined)
    throw new Error(`the kubeconfig has no context "${name}"; it has ${contexts.map((each) => each.name).join(', ')}`);
  const clusters = configs.flatMap(({ clusters: all = [] }) => all);
  const found = clusters.find((each) => each.name === chosen.cluster)?.cluster;
  if (found === undefined) throw new Error(`the kubeconfig has no cluster "${chosen.cluster}"`);
  const users = configs.flatMap(({ users: all = [] }) => all);
  return { cluster: found, user: users.find((each) => each.name === chosen.user)?.user ?? {} };
}

function pathsOf({ KUBECONFIG: files, HOME: home = homedir() }: NonNullable<SelectInit['env']>): readonly string[] {
  const named = files?.split(delimiter).filter(Boolean) ?? [];
  return named.length > 0 ? named : [join(home, '.kube', 'config')];
}

async function read(path: string, isOnly: boolean): Promise<Kubeconfig[]> {
  try {
    return [absolute(parse(await readFile(path, 'utf8')), dirname(resolve(path)))];
  } catch (error) {
    const isMissing = errorCode(error) === 'ENOENT';
    if (isMissing && !isOnly) return [];
    if (isMissing) throw new Error(`there is no kubeconfig ${path} (ENOENT): name another, or set KUBECONFIG`);
    throw new Error(`the kubeconfig ${path}: ${error instanceof Error ? error.message : error}`);
  }
}

function parse(yaml: string): Kubeconfig {
  const document = parseDocument(yaml);
  if (document.kind === 'invalid') throw new Error(`line ${document.at.line}: ${document.message}`);
  const parsed = schema.safeParse(document.value ?? {});
  if (parsed.success) return parsed.data;
  throw new Error(z.prettifyError(parsed.error).replaceAll(/\s*\n\s*/g, ' '));
}

/** Of a file and its content, both given, the content counts. */
function absolute(config: Kubeconfig, folder: string): Kubeconfig {
  const at = (path: string | undefined, content?: string) => {
    if (path === undefined || content !== undefined) return undefined;
    return isAbsolute(path) ? path : join(folder, path);
  };
  /** A command without a slash is one of `$PATH`. */
  const command = ({ exec: plugin }: User) =>
    plugin && { ...plugin, command: plugin.command.includes('/') ? (at(plugin.command) ?? '') : plugin.command };
  return {
    ...config,
    clusters: config.clusters?.map(({ cluster: one, ...rest }) => ({
      ...rest,
      cluster: {
        ...one,
        'certificate-authority': at(one['certificate-authority'], one['certificate-authority-data']),
      },
    })),
    users: config.users?.map(({ user: one, ...rest }) => ({
      ...rest,
      user: one && {
        ...one,
        tokenFile: at(one.tokenFile),
        'client-certificate': at(one['client-certificate'], one['client-certificate-data']),
        'client-key': at(one['client-key'], one['client-key-data']),
        exec: command(one),
      },
    })),
  };
}

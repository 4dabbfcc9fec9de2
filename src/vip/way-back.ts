import { z } from 'zod';
import type { RunCommand } from './command.ts';

const rulesSchema = z.array(z.object({ fwmark: z.string().optional(), table: z.string().optional() }));
const routesSchema = z.array(z.object({ type: z.string().optional(), dst: z.string() }));

/**
 * Whether packets with some mark are taken for this host's own, whatever their destination: a rule for the mark leads to a
 * table whose default route is local (ip-rule(8), ip-route(8)). `undefined`: ip(8) does not say.
 */
export async function hasWayBack(run: RunCommand, family: '-4' | '-6'): Promise<boolean | undefined> {
  const rules = await showing(run, ['-j', family, 'rule', 'show'], rulesSchema);
  if (rules === undefined) return undefined;
  const tables = rules.filter(({ fwmark }) => fwmark !== undefined).map(({ table }) => table ?? 'main');
  for (const table of new Set(tables)) {
    const routes = await showing(run, ['-j', family, 'route', 'show', 'table', table], routesSchema);
    if (routes?.some(({ type, dst }) => type === 'local' && dst === 'default')) return true;
  }
  return false;
}

async function showing<Value>(run: RunCommand, words: readonly string[], schema: z.ZodType<Value>) {
  const result = await run('ip', words);
  if (result.kind === 'failed') return undefined;
  try {
    return schema.parse(JSON.parse(result.stdout.trim() || '[]'));
  } catch {
    return undefined;
  }
}

import type { ReadyFeed } from '../admin/shapes.ts';
import { formatProblem } from '../base/errors.ts';
import type { AdminClient } from './admin-client.ts';

/** They are about one object, which is skipped or stays as it was: no reason to doubt all others. */
const ofOneObject: readonly string[] = ['MANIFEST_INVALID', 'MANIFEST_DUPLICATE'];

/**
 * What to know before one reads an answer: feeds that have not synced, so that services may be missing in it, and feeds
 * whose source cannot be read now, so that it may be of yesterday. On standard error: the answer itself may be for programs.
 */
export async function tellOfFeeds(client: AdminClient): Promise<void> {
  const ready = await client.readiness();
  for (const feed of ready?.feeds ?? []) {
    const notice = feedNotice(feed);
    if (notice !== undefined) process.stderr.write(`warning: ${notice}\n`);
  }
}

/** One line; `undefined`: all is well with this feed. */
export function feedNotice({ name, synced, problems }: ReadyFeed): string | undefined {
  const [first, ...others] = problems.filter(({ code }) => !ofOneObject.includes(code));
  const more = others.length === 0 ? '' : ` (/readyz has ${others.length} more)`;
  const reason = first === undefined ? '' : `: ${formatProblem(first)}${more}`;
  if (!synced) return `feed ${name} has not synced yet, its services are missing here${reason}`;
  return first === undefined ? undefined : `feed ${name}${reason}`;
}

import { Command, Option } from 'commander';
import type { ExplainResponse } from '../admin/explain-shape.ts';
import { type AskingOptions, adminOption, asking, usageError } from './asking.ts';
import { explainText } from './explain-text.ts';
import { tellOfFeeds } from './feed-notices.ts';

interface ExplainOptions extends AskingOptions {
  readonly output?: 'json';
}

/** `sluice explain CLIENT VIP:PORT[/PROTOCOL]`: exit code 0 if a flow would be given to an endpoint, 1 otherwise. */
export function explainCommand(): Command {
  return new Command('explain')
    .description('tell which endpoint a client would get now and why; asking changes nothing')
    .argument('<client>', "the client's address")
    .argument('<frontend>', 'where it connects to: VIP:PORT, VIP:PORT/TCP or VIP:PORT/UDP')
    .addOption(new Option('-o, --output <format>', 'another form').choices(['json']))
    .addOption(adminOption())
    .action((client: string, frontend: string, options: ExplainOptions) =>
      asking(options, async (admin) => {
        const answer = await admin.get('/explain', new URLSearchParams({ client, frontend }));
        if (answer.kind !== 'ok')
          throw usageError(answer.kind === 'bad-request' ? answer.message : 'this sluice is too old to be asked');
        await tellOfFeeds(admin);
        const response = answer.value as ExplainResponse;
        process.stdout.write(
          options.output === 'json' ? `${JSON.stringify(response, undefined, 4)}\n` : explainText(response),
        );
        if (response.outcome.kind === 'reject') process.exitCode = 1;
      }),
    );
}

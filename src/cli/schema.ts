import { Command } from 'commander';
import { configJsonSchema } from '../config/schema.ts';

/** `sluice schema`: the JSON Schema of the configuration file, for editors (`yaml-language-server: $schema=…`). */
export function schemaCommand(): Command {
  return new Command('schema').description('print the JSON Schema of the configuration file').action(() => {
    process.stdout.write(schemaText());
  });
}

/** Exactly what config/schema.json holds. */
export function schemaText(): string {
  return `${JSON.stringify(configJsonSchema(), null, 2)}\n`;
}

import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import { schemaText } from '../../src/cli/schema.ts';

const root = join(import.meta.dirname, '../..');
const shipped = join(root, 'config/schema.json');

test('config/schema.json is current', () => {
  assert.equal(readFileSync(shipped, 'utf8'), schemaText(), 'run: npx tsx src/main.ts schema > config/schema.json');
});

interface Node {
  readonly type?: string;
  readonly default?: unknown;
  readonly description?: string;
  readonly additionalProperties?: boolean;
  readonly properties?: Readonly<Record<string, Node>>;
}

function objectsIn(node: Node): readonly Node[] {
  const inner = Object.values(node as Record<string, unknown>).filter(
    (value) => typeof value === 'object' && value !== null,
  );
  return [...(node.type === 'object' ? [node] : []), ...inner.flatMap((value) => objectsIn(value as Node))];
}

test('the schema describes what people write, and refuses unknown keys everywhere', () => {
  const schema = JSON.parse(schemaText()) as Node & { $schema: string };
  assert.equal(schema.$schema, 'https://json-schema.org/draft/2020-12/schema');
  const { connectTimeout } = schema.properties?.tcp?.properties ?? {};
  assert.equal(connectTimeout?.type, 'string');
  assert.equal(connectTimeout?.default, '1s');
  assert.match(connectTimeout?.description ?? '', /try to connect/);
  const objects = objectsIn(schema);
  assert.ok(objects.length > 10);
  for (const object of objects) assert.equal(object.additionalProperties, false);
});

test('sluice schema prints it', () => {
  const argv = ['--import', 'tsx', join(root, 'src/main.ts'), 'schema'];
  assert.equal(spawnSync(process.execPath, argv, { encoding: 'utf8', cwd: root }).stdout, schemaText());
});

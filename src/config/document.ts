import type { Document, Node } from 'yaml';
import { isAlias, isMap, isNode, isPair, isScalar, isSeq, LineCounter } from 'yaml';
import type { Fault } from './compose.ts';
import { composeDocument } from './compose.ts';
import type { Path } from './path.ts';

/** A place in a text; both count from 1. */
export interface LineColumn {
  readonly line: number;
  readonly column: number;
}

export type DocumentResult =
  /** `value` consists of plain objects, arrays and scalars. A document of comments only is `null`. */
  | { readonly kind: 'ok'; readonly value: unknown }
  | { readonly kind: 'invalid'; readonly message: string; readonly at: LineColumn };

/** The most bytes of one YAML document: its syntax tree takes some 70 times the memory. JSON has no such limit. */
const maxYamlLength = 16 * 1024 ** 2;
/** How many nodes the aliases of a document may stand for, which stops the "billion laughs". */
const maxAliasCount = 100;

/**
 * Reads one YAML 1.2 document, or JSON. Duplicate keys, unknown aliases, aliases that contain themselves, alias bombs and
 * bottomless nesting are faults; of several faults the first is told, as the others mostly follow from it. Never throws.
 */
export function parseDocument(text: string): DocumentResult {
  const json = parseJson(text);
  if (json !== undefined) return { kind: 'ok', value: json };
  if (text.length > maxYamlLength) {
    const message = `one YAML document may have ${maxYamlLength} bytes; split it with --- lines, or write it as JSON`;
    return { kind: 'invalid', message, at: { line: 1, column: 1 } };
  }
  try {
    const composed = composeDocument(text);
    if (composed.kind === 'invalid') return invalidAt(text, composed.fault);
    const fault = nodeFault(composed.document.contents, []);
    if (fault) return invalidAt(text, fault);
    return { kind: 'ok', value: composed.document.toJS({ maxAliasCount }) as unknown };
  } catch (error) {
    // What the library throws, it throws for the text: aliases that stand for too much, or for nothing.
    const message = error instanceof Error ? error.message : String(error);
    return { kind: 'invalid', message, at: { line: 1, column: 1 } };
  }
}

/** JSON is YAML, but far quicker to read as JSON; anything it does not understand is left to YAML and its positions. */
function parseJson(text: string): unknown {
  if (!/^\s*[{[]/.test(text)) return undefined;
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function invalidAt(text: string, { message, offset }: Fault): DocumentResult {
  return { kind: 'invalid', message, at: lineColumn(text, offset) };
}

function offsetOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}

/** `anchors`: those of the nodes around this one. */
function nodeFault(node: unknown, anchors: readonly string[]): Fault | undefined {
  const offset = offsetOf(node);
  if (isAlias(node))
    return anchors.includes(node.source) ? { message: `*${node.source} contains itself`, offset } : undefined;
  if (!isMap(node) && !isSeq(node)) return undefined;
  const inside = node.anchor === undefined ? anchors : [...anchors, node.anchor];
  if (isMap(node)) {
    const double = duplicateKey(node.items.map((pair) => pair.key));
    if (double) return double;
  }
  for (const item of node.items) {
    const fault = nodeFault(isPair(item) ? item.value : item, inside);
    if (fault) return fault;
  }
  return undefined;
}

function duplicateKey(keys: readonly unknown[]): Fault | undefined {
  const seen = new Set<string>();
  for (const key of keys) {
    const name = isScalar(key) ? String(key.value) : '';
    if (!isScalar(key)) return { message: 'a key must be a word, not a list or a map', offset: offsetOf(key) };
    if (seen.has(name)) return { message: `the key "${name}" is there twice`, offset: offsetOf(key) };
    seen.add(name);
  }
  return undefined;
}

/** The line and column of a character of `text`. */
function lineColumn(text: string, offset: number): LineColumn {
  const before = text.slice(0, offset);
  return { line: before.split('\n').length, column: offset - before.lastIndexOf('\n') };
}

/**
 * Tells where paths stand in the document `text`: a key of a map, an item of a list; if it is not there, the last part
 * of the way that is. Reads the text again, so that the documents without faults, nearly all, need not keep their trees.
 */
export function locator(text: string): (path: Path) => LineColumn {
  if (text.length > maxYamlLength) return () => ({ line: 1, column: 1 });
  const lines = new LineCounter();
  const composed = composeDocument(text, lines);
  if (composed.kind === 'invalid') return () => ({ line: 1, column: 1 });
  const { document } = composed;
  return (path) => {
    const { line, col } = lines.linePos(offsetIn(document, path));
    return { line, column: col };
  };
}

function offsetIn(document: Document.Parsed, path: Path): number {
  let node: Node | null | undefined = document.contents;
  let offset = offsetOf(node);
  for (const segment of path) {
    const step = enter(node, segment);
    if (step === undefined) break;
    offset = step.offset;
    node = isAlias(step.node) ? step.node.resolve(document) : step.node;
  }
  return offset;
}

function enter(node: unknown, segment: string | number): { node: Node | undefined; offset: number } | undefined {
  if (isMap(node)) {
    const pair = node.items.find(({ key }) => isScalar(key) && String(key.value) === String(segment));
    return pair && { node: isNode(pair.value) ? pair.value : undefined, offset: offsetOf(pair.key) };
  }
  if (!isSeq(node)) return undefined;
  const item = node.items[Number(segment)];
  return isNode(item) ? { node: item, offset: offsetOf(item) } : undefined;
}

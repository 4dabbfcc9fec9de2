import type { Document, Node } from 'yaml';
import { isAlias, isMap, isNode, isPair, isScalar, isSeq, LineCounter, parseDocument as parseYaml } from 'yaml';
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

/** Deeper than any real configuration, and shallow enough for every recursion over a value. */
const maxDepth = 64;
/** The most bytes of one YAML document: its syntax tree takes some 70 times the memory. JSON has no such limit. */
const maxYamlLength = 16 * 1024 ** 2;
/** The library compares every key of a map with every other; `treeFault` does it in linear time. */
const options = { prettyErrors: false, uniqueKeys: false } as const;
/** How many nodes the aliases of a document may stand for, which stops the "billion laughs". */
const maxAliasCount = 100;

interface Fault {
  readonly message: string;
  readonly offset: number;
}

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
    const document = parseYaml(text, options);
    const fault = syntaxFault(document) ?? treeFault(document);
    if (fault) return { kind: 'invalid', message: fault.message, at: lineColumn(text, fault.offset) };
    return { kind: 'ok', value: document.toJS({ maxAliasCount }) as unknown };
  } catch (error) {
    // What the library throws, it throws for the text: too many aliases, aliases to nowhere, nesting beyond the stack.
    const message = plainMessage(error instanceof Error ? error.message : String(error));
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

function syntaxFault(document: Document.Parsed): Fault | undefined {
  const error = document.errors[0];
  return error && { message: plainMessage(error.message), offset: error.pos[0] };
}

function plainMessage(message: string): string {
  if (message.includes('call stack')) return 'nested too deep';
  if (message.includes('multiple documents')) return 'there is a second document (---); keep one in this file';
  return message.replace(/\.$/, '');
}

function treeFault(document: Document.Parsed): Fault | undefined {
  return nodeFault(document.contents, [], 0);
}

function offsetOf(node: unknown): number {
  return isNode(node) ? (node.range?.[0] ?? 0) : 0;
}

/** `anchors`: those of the nodes around this one. */
function nodeFault(node: unknown, anchors: readonly string[], depth: number): Fault | undefined {
  const offset = offsetOf(node);
  if (isAlias(node))
    return anchors.includes(node.source) ? { message: `*${node.source} contains itself`, offset } : undefined;
  if (!isMap(node) && !isSeq(node)) return undefined;
  if (depth > maxDepth) return { message: `nested more than ${maxDepth} deep`, offset };
  const inside = node.anchor === undefined ? anchors : [...anchors, node.anchor];
  if (isMap(node)) {
    const double = duplicateKey(node.items.map((pair) => pair.key));
    if (double) return double;
  }
  for (const item of node.items) {
    const fault = nodeFault(isPair(item) ? item.value : item, inside, depth + 1);
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
  const document = parseYaml(text, { ...options, lineCounter: lines });
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

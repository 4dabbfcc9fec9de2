import type { CST, Document, LineCounter } from 'yaml';
import { Composer, Parser } from 'yaml';

export interface Fault {
  readonly message: string;
  /** Characters from the start of the text. */
  readonly offset: number;
}

export type Composed =
  | { readonly kind: 'ok'; readonly document: Document.Parsed }
  | { readonly kind: 'invalid'; readonly fault: Fault };

/** Deeper than any real configuration, and shallow enough for every recursion over a document. */
const maxDepth = 64;
/** The library compares every key of a map with every other; `treeFault` does it in linear time. */
const options = { prettyErrors: false, uniqueKeys: false } as const;

/**
 * Makes the tree of one YAML document. The depth is checked on the tokens, before the library recurses over them: a stack
 * that is nearly used up does not only throw, V8 ends the process if it has to compile a regular expression then.
 */
export function composeDocument(text: string, lines?: LineCounter): Composed {
  const tokens = [...new Parser(lines?.addNewLine).parse(text)];
  const tooDeep = tokens.map(depthFault).find((fault) => fault !== undefined);
  if (tooDeep) return { kind: 'invalid', fault: tooDeep };
  const [document, second] = new Composer(options).compose(tokens, true, text.length);
  if (document === undefined) throw new Error('the YAML library made no document');
  if (second)
    return { kind: 'invalid', fault: { message: 'there is a second document; keep one', offset: second.range[0] } };
  const [error] = document.errors;
  if (error) return { kind: 'invalid', fault: { message: error.message.replace(/\.$/, ''), offset: error.pos[0] } };
  return { kind: 'ok', document };
}

function depthFault(root: CST.Token): Fault | undefined {
  const open: { token: CST.Token; depth: number }[] = [{ token: root, depth: 0 }];
  for (let next = open.pop(); next !== undefined; next = open.pop()) {
    const { token, depth } = next;
    if (depth > maxDepth) return { message: `nested more than ${maxDepth} deep`, offset: token.offset };
    for (const child of childrenOf(token)) open.push({ token: child, depth: depth + 1 });
  }
  return undefined;
}

function childrenOf(token: CST.Token): readonly CST.Token[] {
  if (token.type === 'document') return token.value ? [token.value] : [];
  if (!('items' in token)) return [];
  return token.items.flatMap(({ key, value }) => [key, value].filter((part) => part !== undefined && part !== null));
}

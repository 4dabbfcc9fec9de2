import { setImmediate as nextTurn } from 'node:timers/promises';

/** About as much text as is made in one turn of the event loop. */
const pieceChars = 64 * 1024;

/**
 * The text of a JSON object whose last field is a list, in pieces: ten thousand endpoints are megabytes, and traffic
 * goes on in between. `head` is the text before the list's first item, with its `[`. Each item is of one moment; two
 * may not be.
 */
export async function* jsonList<T>(
  head: string,
  sources: Iterable<T>,
  toItem: (source: T) => unknown,
): AsyncGenerator<string> {
  let piece = head;
  let separator = '';
  for (const source of [...sources]) {
    piece += separator + JSON.stringify(toItem(source));
    separator = ',';
    if (piece.length < pieceChars) continue;
    yield piece;
    piece = '';
    await nextTurn();
  }
  yield `${piece}]}`;
}

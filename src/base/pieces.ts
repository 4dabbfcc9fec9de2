import { deserialize, serialize } from 'node:v8';
import type { Pace } from './pace.ts';

/** A long list on its way from one thread to another. Whoever gets it opens it piece by piece. */
export type Pieces = readonly Uint8Array[];

/** Items of one piece: a millisecond to open, if they are services with some endpoints. */
const pieceLength = 20;

export function inPieces(items: readonly unknown[]): Pieces {
  const count = Math.ceil(items.length / pieceLength);
  return Array.from({ length: count }, (_, index) =>
    serialize(items.slice(index * pieceLength, (index + 1) * pieceLength)),
  );
}

/** The items that `inPieces` was given. */
export async function joined<Item>(pieces: Pieces, pace: Pace): Promise<readonly Item[]> {
  return (await pace.map(pieces, (piece) => deserialize(piece) as readonly Item[])).flat();
}

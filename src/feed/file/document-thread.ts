import { inPieces } from '../../base/pieces.ts';
import { answer } from '../../base/thread.ts';
import type { LongAnswer, LongQuestion } from './long-documents.ts';
import { readDocument } from './read-document.ts';

/** The program of the threads that `LongDocuments` starts. */
void answer(({ text, options }: LongQuestion): LongAnswer => {
  const read = readDocument(text, options);
  return read.kind === 'ok' ? { ...read, manifests: inPieces(read.manifests) } : read;
});

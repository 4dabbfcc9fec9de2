import type { Pace } from '../../base/pace.ts';
import { joined, type Pieces } from '../../base/pieces.ts';
import { askThread, longTextLength, type ThreadResult } from '../../base/thread.ts';
import type { Manifest, ManifestOptions } from '../manifests.ts';
import { type FaultPlaces, type ReadDocument, readDocument } from './read-document.ts';

export interface LongQuestion {
  readonly text: string;
  readonly options: ManifestOptions;
}

export type LongAnswer =
  | { readonly kind: 'ok'; readonly manifests: Pieces; readonly faultPlaces: FaultPlaces }
  | Extract<ReadDocument, { kind: 'invalid' }>;

/**
 * Reads documents; the long ones, such as a `List` that kubectl wrote, in a thread, as there is no yielding within a
 * document. One thread at a time: a folder may have many of them.
 */
export class LongDocuments {
  #last: Promise<unknown> = Promise.resolve();

  /** As `readDocument`, and the event loop goes on. */
  async read(text: string, options: ManifestOptions, pace: Pace): Promise<ReadDocument> {
    if (text.length < longTextLength) return readDocument(text, options);
    const asked = await this.#ask({ text, options });
    if (asked.kind === 'failed') return readDocument(text, options);
    if (asked.kind === 'out-of-memory') return tooLong;
    const { answer } = asked;
    return answer.kind === 'ok' ? { ...answer, manifests: await joined<Manifest>(answer.manifests, pace) } : answer;
  }

  #ask(question: LongQuestion): Promise<ThreadResult<LongAnswer>> {
    const asked = this.#last.then(() => askThread<LongAnswer>('feed/file/document-thread', question));
    this.#last = asked;
    return asked;
  }
}

const tooLong: ReadDocument = {
  kind: 'invalid',
  message: 'there is not enough memory to read this document; split it with --- lines, or write it as JSON',
  at: { line: 1, column: 1 },
};

import type { LineColumn } from '../../config/document.ts';
import type { Chunk } from '../../config/split.ts';
import type { Manifest } from '../manifests.ts';

/** An object, and the file that it stands in. */
export type FileManifest = Manifest & { readonly file: string };
export type InvalidManifest = Extract<FileManifest, { kind: 'invalid' }>;
export type GoodManifest = Exclude<FileManifest, { kind: 'invalid' }>;

/** The objects of one document. Lines count from the start of the document, so that it may move within its file. */
export interface Content {
  readonly manifests: readonly FileManifest[];
  /** For each wrong manifest the places of its faults. */
  readonly faultPlaces: ReadonlyMap<FileManifest, readonly LineColumn[]>;
}

export interface ParsedChunk extends Chunk {
  readonly content: Content;
}

/** One version of a file of manifests. */
export interface ManifestFile {
  readonly bytes: Buffer;
  readonly chunks: readonly ParsedChunk[];
}

import type { LineColumn } from '../../config/document.ts';
import { locator, parseDocument } from '../../config/document.ts';
import type { Manifest, ManifestOptions } from '../manifests.ts';
import { readManifests } from '../manifests.ts';

export type ReadDocument =
  | { readonly kind: 'ok'; readonly manifests: readonly Manifest[]; readonly faultPlaces: FaultPlaces }
  | { readonly kind: 'invalid'; readonly message: string; readonly at: LineColumn };

/** By the index of a wrong manifest, where its faults are. */
export type FaultPlaces = ReadonlyMap<number, readonly LineColumn[]>;

const nowhere: FaultPlaces = new Map();

/** The manifests of one document: plain data, that knows of nothing outside of it. */
export function readDocument(text: string, options: ManifestOptions): ReadDocument {
  const document = parseDocument(text);
  if (document.kind === 'invalid') return document;
  const manifests = document.value === null ? [] : readManifests(document.value, [], options);
  return { kind: 'ok', manifests, faultPlaces: placesOf(manifests, text) };
}

function placesOf(manifests: readonly Manifest[], text: string): FaultPlaces {
  if (!manifests.some(({ kind }) => kind === 'invalid')) return nowhere;
  const locate = locator(text);
  return new Map(
    manifests.flatMap((manifest, index): [number, LineColumn[]][] =>
      manifest.kind === 'invalid' ? [[index, manifest.faults.map(({ path }) => locate(path))]] : [],
    ),
  );
}

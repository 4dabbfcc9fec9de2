import type { Pace } from '../base/pace.ts';
import { inPieces, joined, type Pieces } from '../base/pieces.ts';
import type { EndpointSlice, Service } from '../model/service.ts';
import type { LoadResult, ProcessConfig } from './load.ts';

/** What a configuration says, on its way from one thread to another. */
export type Parcel =
  | Extract<LoadResult, { kind: 'invalid' }>
  | {
      readonly kind: 'ok';
      readonly config: Omit<ProcessConfig, 'inline'>;
      readonly services: Pieces;
      readonly slices: Pieces;
    };

export function pack(result: LoadResult): Parcel {
  if (result.kind === 'invalid') return result;
  const { inline, ...config } = result.config;
  return { kind: 'ok', config, services: inPieces(inline.services), slices: inPieces(inline.slices) };
}

/** What `pack` was given. */
export async function unpack(parcel: Parcel, pace: Pace): Promise<LoadResult> {
  if (parcel.kind === 'invalid') return parcel;
  const services = await joined<Service>(parcel.services, pace);
  const slices = await joined<EndpointSlice>(parcel.slices, pace);
  return { kind: 'ok', config: { ...parcel.config, inline: { services, slices } } };
}

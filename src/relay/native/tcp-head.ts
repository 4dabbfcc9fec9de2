import { constants } from 'node:os';
import type { EndReason, Party } from '../../model/reason.ts';
import { decodeProxyHeader } from '../proxy-protocol/decode.ts';
import { maxV2Bytes, type ProxiedEnds } from '../proxy-protocol/header.ts';
import type { Addon, Instance } from './addon.ts';

/** What a client that must begin with a PROXY header has sent so far. */
export type Head =
  | { readonly kind: 'more' }
  /** `undefined`: it names nobody (LOCAL, UNKNOWN). */
  | { readonly kind: 'header'; readonly ends: ProxiedEnds | undefined }
  | { readonly kind: 'none'; readonly reason: EndReason; readonly by: Party };

/** Room for the longest PROXY header; what does not fit is none. */
const buffer = new Uint8Array(maxV2Bytes);

/** Takes the PROXY header of a flow, if it is whole. What is behind it stays in the kernel. `isLast`: no more will come. */
export function readHead(
  { addon, instance }: { readonly addon: Addon; readonly instance: Instance },
  slot: number,
  isLast: boolean,
): Head {
  const size = addon.peek(instance, slot, buffer);
  if (size === -constants.errno.EAGAIN) return { kind: 'more' };
  const decoded = decodeProxyHeader(Buffer.from(buffer.buffer, 0, Math.max(size, 0)));
  if (decoded.kind === 'header') {
    if (!addon.drop(instance, slot, decoded.length)) return { kind: 'none', reason: 'error', by: 'sluice' };
    return { kind: 'header', ends: decoded.ends };
  }
  if (size <= 0) return { kind: 'none', reason: 'client-gone', by: 'client' };
  if (decoded.kind === 'invalid') return { kind: 'none', reason: 'proxy-header-invalid', by: 'sluice' };
  if (!isLast && size < buffer.length) return { kind: 'more' };
  return { kind: 'none', reason: 'proxy-header-invalid', by: isLast ? 'client' : 'sluice' };
}

import type { Protocol } from '../../model/keys.ts';
import { type Decoded, incomplete, invalid } from './header.ts';
import { decodeV1 } from './v1.ts';
import { decodeV2, signature } from './v2.ts';

const v1Signature = Buffer.from('PROXY ');

/** Reads the header that `bytes` must begin with: of either version for TCP, of v2 for UDP, which v1 does not have. */
export function decodeProxyHeader(bytes: Buffer, protocol: Protocol = 'TCP'): Decoded {
  if (protocol === 'UDP') return decodeV2(bytes, protocol);
  for (const { begins, decode } of versions) {
    const common = Math.min(begins.length, bytes.length);
    if (begins.compare(bytes, 0, common, 0, common) === 0) return common < begins.length ? incomplete : decode(bytes);
  }
  return invalid;
}

const versions = [
  { begins: v1Signature, decode: decodeV1 },
  { begins: signature, decode: (bytes: Buffer) => decodeV2(bytes, 'TCP') },
];

import { type Decoded, incomplete, invalid } from './header.ts';
import { decodeV1 } from './v1.ts';
import { decodeV2, signature } from './v2.ts';

const v1Signature = Buffer.from('PROXY ');

/** Reads the header, of either version, that `bytes` must begin with. */
export function decodeProxyHeader(bytes: Buffer): Decoded {
  for (const { begins, decode } of versions) {
    const common = Math.min(begins.length, bytes.length);
    if (begins.compare(bytes, 0, common, 0, common) === 0) return common < begins.length ? incomplete : decode(bytes);
  }
  return invalid;
}

const versions = [
  { begins: v1Signature, decode: decodeV1 },
  { begins: signature, decode: decodeV2 },
];

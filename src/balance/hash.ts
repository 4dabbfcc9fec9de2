/**
 * A 32-bit hash of a short ASCII text (an address, a key): FNV-1a, then MurmurHash3's finalizer, because FNV alone
 * leaves the high bits of addresses that differ in their last digit nearly the same. Not for secrets: whoever can choose
 * addresses can choose collisions.
 */
export function hash32(text: string, seed = 0): number {
  let hash = (0x811c9dc5 ^ seed) | 0;
  for (let index = 0; index < text.length; index += 1) {
    hash = Math.imul(hash ^ text.charCodeAt(index), 0x01000193);
  }
  hash = Math.imul(hash ^ (hash >>> 16), 0x85ebca6b);
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2ae35);
  return (hash ^ (hash >>> 16)) >>> 0;
}

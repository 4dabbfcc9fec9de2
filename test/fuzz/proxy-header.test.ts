import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, before, describe, test } from 'node:test';
import fc from 'fast-check';
import { type Ip, parseIp } from '../../src/model/address.ts';
import { ipOfBytes } from '../../src/model/address-bytes.ts';
import { networkBytes, socketAddress } from '../../src/relay/native/socket-address.ts';
import { originOf } from '../../src/relay/proxy-protocol/datagram.ts';
import { isTrusted } from '../../src/relay/proxy-protocol/trusted.ts';
import { signature } from '../../src/relay/proxy-protocol/v2.ts';
import { isNetRun, nativeAddon } from '../support/native-addon.ts';
import { loadWithEngine } from './build.ts';

interface Parsers {
  /** Returns the index in `kinds`; `to` is: length of the header, port, length of the address, its bytes. */
  readOrigin(datagram: Uint8Array, to: Int32Array): number;
  trusts(networks: Uint8Array, address: Uint8Array): boolean;
}

const kinds = ['sender', 'client', 'unnamed', 'invalid'] as const;
const proxy = '10.0.0.1';

/** As `originOf` has it, which is tested by itself. */
function nativeOrigin(parsers: Parsers, datagram: Buffer): ReturnType<typeof originOf> {
  const found = new Int32Array(19);
  const kind = kinds[parsers.readOrigin(datagram, found)] ?? 'invalid';
  const [length = 0, port = 0, width = 0] = found;
  const payload = datagram.subarray(length);
  if (kind === 'client') {
    return { kind, client: { address: ipOfBytes(Uint8Array.from(found.subarray(3, 3 + width))), port }, payload };
  }
  return kind === 'invalid' ? { kind } : { kind, payload };
}

/** A field as it should be, mostly, or anything else that fits. */
const byte = (...usual: number[]) => fc.oneof({ weight: 8, arbitrary: fc.constantFrom(...usual) }, fc.nat(255));
const address = fc.oneof(
  fc.uint8Array({ minLength: 12, maxLength: 12 }),
  fc.uint8Array({ minLength: 36, maxLength: 36 }),
  fc.uint8Array({ minLength: 24, maxLength: 24 }).map((rest) => [...Array<number>(10).fill(0), 255, 255, ...rest]),
);
const tlvs = fc
  .array(fc.tuple(fc.nat(255), fc.uint8Array({ maxLength: 300 })), { maxLength: 4 })
  .map((all) => all.flatMap(([type, value]) => [type, value.length >> 8, value.length & 255, ...value]));
const datagrams = fc
  .record({
    command: byte(0x20, 0x21, 0x21, 0x21),
    family: byte(0x12, 0x12, 0x22, 0x22, 0x11, 0x00),
    address,
    tlvs,
    lie: fc.oneof({ weight: 6, arbitrary: fc.constant(0) }, fc.integer({ min: -40, max: 70_000 })),
    payload: fc.uint8Array({ maxLength: 50 }),
    kept: fc.oneof({ weight: 4, arbitrary: fc.constant(1) }, fc.double({ min: 0, max: 1, noNaN: true })),
    spoilt: fc.option(fc.tuple(fc.nat(11), fc.nat(255))),
  })
  .map(({ command, family, address, tlvs, lie, payload, kept, spoilt }) => {
    const block = [...address, ...tlvs];
    const length = Math.max(0, block.length + lie) & 65_535;
    const all = Buffer.from([...signature, command, family, length >> 8, length & 255, ...block, ...payload]);
    if (spoilt !== null) all[spoilt[0]] = spoilt[1];
    return all.subarray(0, Math.ceil(all.length * kept));
  });
const canonical = (text: string): Ip => parseIp(text) ?? assert.fail(`${text} is no address`);
const ipv4 = fc.ipV4().map(canonical);
const ipv6 = fc.ipV6().map(canonical);
const prefix = (most: number) => fc.integer({ min: 0, max: most });
const networks = fc.array(
  fc.oneof(
    fc.tuple(ipv4, prefix(32)).map(([ip, bits]) => `${ip}/${bits}`),
    fc.tuple(ipv6, prefix(128)).map(([ip, bits]) => `${ip}/${bits}`),
  ),
  { maxLength: 3 },
);

describe('native parsers agree with those of TypeScript', { skip: isNetRun || nativeAddon() === undefined }, () => {
  const folder = mkdtempSync(join(tmpdir(), 'sluice-fuzz-'));
  after(() => rmSync(folder, { recursive: true }));
  let parsers: Parsers;
  before(() => {
    parsers = loadWithEngine(folder, ['parser_fuzz.cc']) as Parsers;
  });
  const numRuns = Number(process.env.SLUICE_FUZZ_RUNS ?? 5_000);

  test('PROXY headers of datagrams: whole, cut, lying, spoilt', () => {
    const seen = new Set<string>();
    const law = fc.property(datagrams, (datagram) => {
      const origin = nativeOrigin(parsers, datagram);
      seen.add(origin.kind);
      assert.deepEqual(origin, originOf(datagram, proxy, [proxy]));
    });
    fc.assert(law, { numRuns });
    assert.deepEqual([...seen].sort(), [...kinds].sort());
  });

  test('random bytes', () => {
    const law = fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      assert.deepEqual(nativeOrigin(parsers, Buffer.from(bytes)), originOf(Buffer.from(bytes), proxy, [proxy]));
    });
    fc.assert(law, { numRuns: numRuns / 5 });
  });

  test('which senders are trusted', () => {
    const sender = fc.oneof(ipv4, ipv6);
    const law = fc.property(networks, sender, fc.nat(2), (all, ip, near) => {
      // Often one that is in a network, or nearly.
      const from = near === 0 || all[0] === undefined ? ip : (all[0].split('/')[0] as Ip);
      const bytes = socketAddress({ address: from, port: 1 });
      assert.equal(parsers.trusts(networkBytes(all), bytes), isTrusted(all, from));
    });
    fc.assert(law, { numRuns });
  });
});

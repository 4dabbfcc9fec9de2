import assert from 'node:assert/strict';
import { describe, test } from 'node:test';
import fc from 'fast-check';
import type { Ip } from '../../../src/model/address.ts';
import { decodeProxyHeader } from '../../../src/relay/proxy-protocol/decode.ts';
import { encodeProxyHeader } from '../../../src/relay/proxy-protocol/encode.ts';
import { clientIp, type Decoded, maxV2Bytes } from '../../../src/relay/proxy-protocol/header.ts';
import { ProxyHeaderReader } from '../../../src/relay/proxy-protocol/reader.ts';
import { signature } from '../../../src/relay/proxy-protocol/v2.ts';

const invalid = { kind: 'invalid' };

function v1(line: string): Decoded {
  return decodeProxyHeader(Buffer.from(line, 'latin1'));
}

/** `length`: what the header says, if it lies. */
function v2(command: number, family: number, block: readonly number[], length = block.length): Buffer {
  return Buffer.from([...signature, command, family, length >> 8, length & 255, ...block]);
}

function header(length: number, from?: [string, number], to?: [string, number]): Decoded {
  const ends = from &&
    to && {
      source: { address: from[0] as Ip, port: from[1] },
      destination: { address: to[0] as Ip, port: to[1] },
    };
  return { kind: 'header', length, ends };
}

const four = [192, 0, 2, 1, 198, 51, 100, 2, 0x30, 0x39, 0, 80];
const six = [
  0x20,
  1,
  0xd,
  0xb8,
  ...Array<number>(11).fill(0),
  1,
  0xfd,
  ...Array<number>(14).fill(0),
  2,
  0x30,
  0x39,
  1,
  187,
];

describe('PROXY v1: what a line means', () => {
  const longest = `PROXY UNKNOWN ${'f'.repeat(91)}\r\n`;
  const rows: [string, string, Decoded][] = [
    ['IPv4', 'PROXY TCP4 192.0.2.1 198.51.100.2 12345 80\r\n', header(44, ['192.0.2.1', 12345], ['198.51.100.2', 80])],
    ['IPv6', 'PROXY TCP6 2001:db8::1 fd00::2 12345 443\r\n', header(42, ['2001:db8::1', 12345], ['fd00::2', 443])],
    ['IPv6 in capitals', 'PROXY TCP6 2001:DB8:0:0::1 FD00::2 1 2\r\n', header(40, ['2001:db8::1', 1], ['fd00::2', 2])],
    [
      'IPv4 in IPv6',
      'PROXY TCP6 ::ffff:192.0.2.1 ::ffff:c633:6402 1 2\r\n',
      header(50, ['192.0.2.1', 1], ['198.51.100.2', 2]),
    ],
    ['ports 0 and 65535', 'PROXY TCP4 1.2.3.4 5.6.7.8 0 65535\r\n', header(36, ['1.2.3.4', 0], ['5.6.7.8', 65535])],
    ['payload behind it', 'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\nPROXY', header(32, ['1.2.3.4', 1], ['5.6.7.8', 2])],
    ['UNKNOWN', 'PROXY UNKNOWN\r\n', header(15)],
    ['UNKNOWN with addresses', 'PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n', header(35)],
    ['UNKNOWN with anything', 'PROXY UNKNOWN \xff\0?\r\n', header(19)],
    ['the longest line', longest, header(107)],
  ];
  for (const [name, line, expected] of rows) test(name, () => assert.deepEqual(v1(line), expected));

  const wrong: Record<string, string> = {
    'another word': 'GET / HTTP/1.1\r\n',
    'small letters': 'proxy TCP4 1.2.3.4 5.6.7.8 1 2\r\n',
    'no protocol': 'PROXY \r\n',
    'another protocol': 'PROXY UDP4 1.2.3.4 5.6.7.8 1 2\r\n',
    'UNKNOWN and no space': 'PROXY UNKNOWNX\r\n',
    'two spaces': 'PROXY TCP4  1.2.3.4 5.6.7.8 1 2\r\n',
    'a space at the end': 'PROXY TCP4 1.2.3.4 5.6.7.8 1 2 \r\n',
    'IPv6 as TCP4': 'PROXY TCP4 ::1 ::2 1 2\r\n',
    'IPv4 as TCP6': 'PROXY TCP6 1.2.3.4 5.6.7.8 1 2\r\n',
    'families that differ': 'PROXY TCP4 1.2.3.4 ::2 1 2\r\n',
    'no address': 'PROXY TCP4 client server 1 2\r\n',
    'a zero in front of a number': 'PROXY TCP4 01.2.3.4 5.6.7.8 1 2\r\n',
    'a zone': 'PROXY TCP6 fe80::1%eth0 ::2 1 2\r\n',
    'a zero in front of a port': 'PROXY TCP4 1.2.3.4 5.6.7.8 01 2\r\n',
    'a port too large': 'PROXY TCP4 1.2.3.4 5.6.7.8 65536 2\r\n',
    'a negative port': 'PROXY TCP4 1.2.3.4 5.6.7.8 -1 2\r\n',
    'a port missing': 'PROXY TCP4 1.2.3.4 5.6.7.8 1\r\n',
    'LF alone': 'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\n',
    'CR alone': 'PROXY TCP4 1.2.3.4 5.6.7.8 1 2\rX',
    'LF in the middle': 'PROXY UNKNOWN \n\r\n',
    'one byte too long': `PROXY UNKNOWN ${'f'.repeat(92)}\r\n`,
    'no end in sight': `PROXY UNKNOWN ${'f'.repeat(92)}`,
  };
  for (const [name, line] of Object.entries(wrong)) test(`invalid: ${name}`, () => assert.deepEqual(v1(line), invalid));
});

describe('PROXY v2: what the bytes mean', () => {
  const tlv = (type: number, size: number) => [type, size >> 8, size & 255, ...Array<number>(size).fill(7)];
  const unix = Array<number>(216).fill(0x61);
  const ends4 = [
    ['192.0.2.1', 12345],
    ['198.51.100.2', 80],
  ] as const;
  const rows: [string, Buffer, Decoded][] = [
    ['TCP over IPv4', v2(0x21, 0x11, four), header(28, [...ends4[0]], [...ends4[1]])],
    ['TCP over IPv6', v2(0x21, 0x21, six), header(52, ['2001:db8::1', 12345], ['fd00::2', 443])],
    ['TLVs', v2(0x21, 0x11, [...four, ...tlv(4, 0), ...tlv(0xe0, 300)]), header(334, [...ends4[0]], [...ends4[1]])],
    [
      'as many TLVs as may be',
      v2(0x21, 0x11, [...four, ...tlv(4, maxV2Bytes - 31)]),
      header(maxV2Bytes, [...ends4[0]], [...ends4[1]]),
    ],
    ['LOCAL', v2(0x20, 0, []), header(16)],
    ['LOCAL with an address', v2(0x20, 0x11, four), header(28)],
    ['LOCAL with any family and any bytes', v2(0x20, 0xff, [1, 2, 3]), header(19)],
    ['UNSPEC', v2(0x21, 0, [9, 9]), header(18)],
    ['UDP', v2(0x21, 0x12, four), header(28)],
    ['a Unix socket', v2(0x21, 0x31, unix), header(232)],
    ['payload behind it', Buffer.concat([v2(0x21, 0x11, four), signature]), header(28, [...ends4[0]], [...ends4[1]])],
  ];
  for (const [name, bytes, expected] of rows) test(name, () => assert.deepEqual(decodeProxyHeader(bytes), expected));

  const udpRows: [string, Buffer, Decoded][] = [
    ['UDP over IPv4', v2(0x21, 0x12, four), header(28, [...ends4[0]], [...ends4[1]])],
    ['UDP over IPv6', v2(0x21, 0x22, six), header(52, ['2001:db8::1', 12345], ['fd00::2', 443])],
    ['TCP', v2(0x21, 0x11, four), header(28)],
    ['LOCAL', v2(0x20, 0x12, four), header(28)],
    ['v1', Buffer.from('PROXY TCP4 192.0.2.1 198.51.100.2 12345 80\r\n'), { kind: 'invalid' }],
    ['too short for IPv4', v2(0x21, 0x12, four.slice(0, 11)), { kind: 'invalid' }],
  ];
  for (const [name, bytes, expected] of udpRows)
    test(`for UDP: ${name}`, () => assert.deepEqual(decodeProxyHeader(bytes, 'UDP'), expected));

  const wrong: Record<string, Buffer> = {
    'another signature': Buffer.from('\r\n\r\n\0\r\nQUIX\n!', 'latin1'),
    'version 1': v2(0x11, 0x11, four),
    'version 3': v2(0x31, 0x11, four),
    'another command': v2(0x22, 0x11, four),
    'another family': v2(0x21, 0x41, four),
    'another transport': v2(0x21, 0x13, four),
    'too short for IPv4': v2(0x21, 0x11, four.slice(0, 11)),
    'too short for IPv6': v2(0x21, 0x21, four),
    'longer than we take': v2(0x21, 0x11, four, maxV2Bytes - 15),
    'LOCAL, longer than we take': v2(0x20, 0, [], 65_535),
    'a TLV beyond the end': v2(0x21, 0x11, [...four, 4, 0, 2, 0]),
    'half a TLV': v2(0x21, 0x11, [...four, 4, 0]),
  };
  for (const [name, bytes] of Object.entries(wrong))
    test(`invalid: ${name}`, () => assert.deepEqual(decodeProxyHeader(bytes), invalid));

  test('what is wrong is known before all of it is there', () => {
    const header = v2(0x21, 0x11, four, maxV2Bytes);
    assert.equal(decodeProxyHeader(header.subarray(0, 15)).kind, 'incomplete');
    assert.equal(decodeProxyHeader(header.subarray(0, 16)).kind, 'invalid');
  });
});

const ipv4 = fc.ipV4();
const ipv6 = fc
  .ipV6()
  .map((text) => clientIp(text) ?? '::1')
  .filter((text) => text.includes(':'));
const port = fc.integer({ min: 0, max: 65_535 });
const version = fc.constantFrom('v1' as const, 'v2' as const);
const ends = fc.record({ from: fc.oneof(ipv4, ipv6), to: fc.oneof(ipv4, ipv6), fromPort: port, toPort: port });
const anyHeader = fc
  .record({ version, ends })
  .map(({ version, ends: { from, to, fromPort, toPort } }) =>
    encodeProxyHeader(version, { address: from, port: fromPort }, { address: to as Ip, port: toPort }),
  );

describe('laws', () => {
  test('what is encoded is decoded, IPv4 and IPv6 mixed as they may be', () => {
    fc.assert(
      fc.property(version, ends, (name, { from, to, fromPort, toPort }) => {
        const bytes = encodeProxyHeader(name, { address: from, port: fromPort }, { address: to as Ip, port: toPort });
        assert.deepEqual(decodeProxyHeader(bytes), header(bytes.length, [from, fromPort], [to, toPort]));
      }),
    );
  });

  test('every prefix of a header is incomplete', () => {
    fc.assert(
      fc.property(anyHeader, (bytes) => {
        for (let length = 0; length < bytes.length; length += 1)
          assert.equal(decodeProxyHeader(bytes.subarray(0, length)).kind, 'incomplete');
      }),
    );
  });

  test('bytes in whatever pieces: the same answer, and the rest is the payload', () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 30 }), { minLength: 1 });
    fc.assert(
      fc.property(anyHeader, fc.uint8Array({ maxLength: 40 }), cuts, (bytes, payload, sizes) => {
        const all = Buffer.concat([bytes, payload]);
        const reader = new ProxyHeaderReader();
        for (let at = 0, turn = 0; ; turn += 1) {
          const next = at + (sizes[turn % sizes.length] ?? 1);
          // A copy that is spoilt afterwards, as a buffer that is read into again.
          const chunk = Buffer.from(all.subarray(at, next));
          const { decoded, rest } = reader.read(chunk);
          chunk.fill(0);
          at = next;
          if (decoded.kind === 'incomplete') continue;
          assert.deepEqual(decoded, decodeProxyHeader(all));
          assert.deepEqual(Buffer.concat([rest, all.subarray(at)]), Buffer.from(payload));
          return;
        }
      }),
    );
  });

  test('random bytes, and spoilt headers, never throw; more bytes never change an answer that was given', () => {
    const spoilt = fc.tuple(anyHeader, fc.nat(), fc.nat(255)).map(([bytes, at, value]) => {
      bytes[at % bytes.length] = value;
      return bytes;
    });
    const random = fc.uint8Array({ maxLength: 300 }).map((bytes) => Buffer.from(bytes));
    const begun = random.map((bytes) => Buffer.concat([signature, Buffer.from([0x21]), bytes]));
    fc.assert(
      fc.property(fc.oneof(spoilt, random, begun), (bytes) => {
        let answer: Decoded = { kind: 'incomplete' };
        for (let length = 0; length <= bytes.length; length += 1) {
          const next = decodeProxyHeader(bytes.subarray(0, length));
          if (answer.kind !== 'incomplete') assert.deepEqual(next, answer);
          answer = next;
        }
      }),
    );
  });
});

describe('a client that is not known', () => {
  const destination = { address: '10.0.0.1' as Ip, port: 80 };
  const gone = { address: '', port: 0 };

  test('v1 says UNKNOWN', () =>
    assert.equal(encodeProxyHeader('v1', gone, destination).toString(), 'PROXY UNKNOWN\r\n'));

  test('v2 says LOCAL', () => assert.deepEqual(encodeProxyHeader('v2', gone, destination), v2(0x20, 0, [])));
});

test('UDP: as TCP, with another number for the transport', () => {
  const destination = { address: '198.51.100.2' as Ip, port: 80 };
  const of = (address: string) => encodeProxyHeader('v2', { address, port: 12345 }, destination, 'UDP');
  assert.deepEqual(of('192.0.2.1'), v2(0x21, 0x12, four));
  assert.deepEqual(of('fd00::1')[13], 0x22);
});

test('a zone is left out', () => {
  const client = { address: 'fe80::1%eth0', port: 1 };
  const bytes = encodeProxyHeader('v1', client, { address: 'fe80::2' as Ip, port: 2 });
  assert.equal(bytes.toString(), 'PROXY TCP6 fe80::1 fe80::2 1 2\r\n');
});

test('a reader knows whether anything has come', () => {
  const reader = new ProxyHeaderReader();
  assert.equal(reader.isEmpty, true);
  reader.read(Buffer.from('P'));
  assert.equal(reader.isEmpty, false);
});

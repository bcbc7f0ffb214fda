import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { addressFromBytes, addressText, blockText, parseAddress, readBlock } from '@parapet/policy';
import { isIP } from 'node:net';
import { addressBlock, blockOf } from '../../support/endpoint-cases.ts';

test.each([
  ['10.0.0.0/8', '10.0.0.0/8'],
  ['192.0.2.7', '192.0.2.7/32'],
  ['0.0.0.0/0', '0.0.0.0/0'],
  ['::/0', '::/0'],
  ['FD00:0:0::1', 'fd00::1/128'],
  ['2001:db8:0:0:1:0:0:1', '2001:db8::1:0:0:1/128'],
  ['64:ff9b::192.0.2.1', '64:ff9b::c000:201/128'],
  ['1:2:3:4:5:6:7:8/128', '1:2:3:4:5:6:7:8/128'],
  ['0:0:0:0:0:0:0:0', '::/128'],
  ['1::', '1::/128'],
])('%s is the block %s', (text, block) => {
  expect(blockText(blockOf(text))).toBe(block);
});

test.each([
  ['10.1.2.3/8', 'has bits set after its prefix', 'write 10.0.0.0/8'],
  ['10.0.0.0/33', 'has a prefix of 33 bits, and an IPv4 address has 32', undefined],
  ['::/129', 'has a prefix of 129 bits, and an IPv6 address has 128', undefined],
  ['::ffff:10.0.0.0/104', 'is an IPv4 address in the notation of IPv6', 'write 10.0.0.0/8'],
  ['fd00::1/64', 'has bits set after its prefix', 'write fd00::/64'],
])('%s is refused: it %s', (text, message, hint) => {
  expect(readBlock(text)).toEqual(hint === undefined ? { message } : { message, hint });
});

test.each([
  '',
  '/',
  '10.0.0.0/',
  '10.0.0.0/08',
  '10.0.0.0/8/8',
  '10.0.0/8',
  '010.0.0.1',
  '256.0.0.1',
  '1.2.3.4.5',
  '0x7f.1',
  ' 10.0.0.1',
  '1::2::3',
  ':1',
  '1:2:3:4:5:6:7',
  '1:2:3:4:5:6:7:8:9',
  '1:2:3:4:5:6:7::8',
  '12345::',
  'fe80::1%eth0',
  '::1.2.3',
  '1.2.3.4::',
  '::g',
  'example.com',
  '١.١.١.١',
])('%j is no address', (text) => {
  expect(readBlock(text)).toMatchObject({ message: expect.stringContaining('is no IPv4 or IPv6 address or block') });
});

describe('for any input', () => {
  test('what is an address and what is not agrees with Node, but for zones and mapped addresses', () => {
    const piece = fc.constantFrom('0', '1', '255', '256', 'ffff', 'fd00', '01', ':', '::', '.', '.', '1.2.3.4', '');
    const text = fc.oneof(
      fc.ipV4(),
      fc.ipV6(),
      fc.array(piece, { maxLength: 12 }).map((parts) => parts.join('')),
    );
    fc.assert(
      fc.property(text, (one) => {
        expect(parseAddress(one)?.version ?? 0).toBe(isIP(one));
      }),
      { numRuns: 5000 },
    );
  });

  test('a block survives being written and read', () => {
    fc.assert(fc.property(addressBlock, (block) => expect(blockOf(blockText(block))).toEqual(block)));
  });

  test('an address survives being written and read', () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), (bytes) => {
        for (const version of [4, 6] as const) {
          const address = addressFromBytes(version, bytes);
          expect(parseAddress(addressText(address))).toEqual(address);
        }
      }),
    );
  });
});

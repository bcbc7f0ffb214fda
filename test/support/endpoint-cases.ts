/** Random endpoint rules and uses of addresses, for fast-check: few addresses and ports, so that rules meet each other and uses meet rules. */
import fc from 'fast-check';
import { ENDPOINT_OPERATIONS, ENDPOINT_PROTOCOLS, readBlock } from '@parapet/policy';
import type { Address, AddressBlock, EndpointMatch, EndpointUse } from '@parapet/policy';

const V4 = [0n, 0x0a000000n, 0x0a010203n, 0x0a010204n, 0x0a800000n, 0x7f000001n, 0xffffffffn];
const V6 = [0n, 1n, 0xfd000000_00000000_00000000_00000000n, 0xfd000000_00000000_00000000_00000007n, 0xfd010000_00000000_80000000_00000000n];
const PORTS = [0, 1, 53, 80, 443, 8000, 8999, 65_535];

const address: fc.Arbitrary<Address> = fc.oneof(
  { weight: 3, arbitrary: fc.constantFrom(...V4).map((value): Address => ({ version: 4, value })) },
  { weight: 2, arbitrary: fc.constantFrom(...V6).map((value): Address => ({ version: 6, value })) },
);

function blockAround({ version, value }: Address, prefix: number): AddressBlock {
  const rest = BigInt((version === 4 ? 32 : 128) - prefix);
  return { version, value: (value >> rest) << rest, prefix };
}

/** A block around one of the addresses. */
export const addressBlock: fc.Arbitrary<AddressBlock> = fc
  .tuple(address, fc.constantFrom(0, 1, 7, 8, 9, 16, 24, 31, 32, 64, 65, 127, 128))
  .map(([inner, prefix]) => blockAround(inner, Math.min(prefix, inner.version === 4 ? 32 : 128)));

const range = fc
  .tuple(fc.constantFrom(...PORTS.slice(1)), fc.constantFrom(...PORTS.slice(1)))
  .map(([a, b]) => ({ first: Math.min(a, b), last: Math.max(a, b) }));

export const endpointMatch: fc.Arbitrary<EndpointMatch> = fc
  .record({
    block: addressBlock,
    holes: fc.array(fc.tuple(address, fc.integer({ min: 1, max: 12 })), { maxLength: 2 }),
    ports: fc.oneof(fc.constant([]), fc.array(range, { minLength: 1, maxLength: 3 })),
    protocol: fc.constantFrom('any' as const, ...ENDPOINT_PROTOCOLS),
    operations: fc.subarray([...ENDPOINT_OPERATIONS], { minLength: 1 }),
  })
  .map(({ holes, ...match }) => ({ ...match, except: holes.flatMap((hole) => holeIn(match.block, ...hole)) }));

/** A smaller block inside of `block` around the address, where the address lies in it. */
function holeIn(block: AddressBlock, inner: Address, longer: number): AddressBlock[] {
  const prefix = block.prefix + longer;
  if (inner.version !== block.version || prefix > (block.version === 4 ? 32 : 128)) return [];
  const around = blockAround(inner, block.prefix);
  return around.value === block.value ? [blockAround(inner, prefix)] : [];
}

export const endpointUse: fc.Arbitrary<EndpointUse | undefined> = fc.option(
  fc.record({ operation: fc.constantFrom(...ENDPOINT_OPERATIONS), address, port: fc.constantFrom(...PORTS, 54, 81, 8500) }),
  { nil: undefined, freq: 4 },
);

/** The block that a text means, for tests that know it to be one. */
export function blockOf(text: string): AddressBlock {
  const block = readBlock(text);
  if (!('prefix' in block)) throw new Error(`${text}: ${block.message}`);
  return block;
}

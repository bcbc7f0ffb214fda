/** Internet addresses and blocks of them, read from text and compared as numbers. */

export interface Address {
  readonly version: 4 | 6;
  /** The address as a number of 32 or 128 bits. */
  readonly value: bigint;
}

/** All addresses that begin with the first `prefix` bits of `value`; the bits after them are 0. */
export interface AddressBlock extends Address {
  readonly prefix: number;
}

export interface AddressFault {
  readonly message: string;
  readonly hint?: string;
}

/** `::ffff:0:0/96`: IPv4 addresses as IPv6 sockets write them. */
const MAPPED = 0xffffn;

/** How many bits an address of this version has. */
export function bitsOf(version: 4 | 6): number {
  return version === 4 ? 32 : 128;
}

/** `10.0.0.0/8`, `fd00::/8` or a single address. What is wrong with the text otherwise. */
export function readBlock(text: string): AddressBlock | AddressFault {
  const [host = '', length, ...rest] = text.split('/');
  const address = parseAddress(host);
  if (address === undefined || rest.length > 0) return faultOfText(text);
  const most = bitsOf(address.version);
  if (length !== undefined && !/^(0|[1-9]\d{0,2})$/.test(length)) return faultOfText(text);
  const prefix = length === undefined ? most : Number(length);
  if (prefix > most) return { message: `has a prefix of ${prefix} bits, and an IPv${address.version} address has ${most}` };
  const mapped = address.version === 6 && prefix >= 96 && address.value >> 32n === MAPPED;
  if (mapped) {
    const inner = { version: 4 as const, value: address.value & 0xffff_ffffn, prefix: prefix - 96 };
    return { message: 'is an IPv4 address in the notation of IPv6', hint: `write ${blockText(inner)}` };
  }
  const block = { ...address, value: firstOf(address, prefix), prefix };
  return block.value === address.value ? block : { message: `has bits set after its prefix`, hint: `write ${blockText(block)}` };
}

function faultOfText(text: string): AddressFault {
  const shown = JSON.stringify(text.length > 80 ? `${text.slice(0, 80)}…` : text);
  return { message: `${shown} is no IPv4 or IPv6 address or block`, hint: 'like 10.0.0.0/8, 192.0.2.7, fd00::/8 or ::/0' };
}

/** The first address of the block of this prefix around an address. */
function firstOf({ version, value }: Address, prefix: number): bigint {
  const rest = BigInt(bitsOf(version) - prefix);
  return (value >> rest) << rest;
}

/** The block of a shorter prefix around a block. */
export function widened(block: AddressBlock, prefix: number): AddressBlock {
  return { version: block.version, value: firstOf(block, prefix), prefix };
}

/** Whether an address (or all of a block) lies in a block. */
export function contains(block: AddressBlock, inner: Address | AddressBlock): boolean {
  if (inner.version !== block.version || ('prefix' in inner && inner.prefix < block.prefix)) return false;
  return firstOf(inner, block.prefix) === block.value;
}

/** An address from text; undefined where it is none. Zones (`fe80::1%eth0`) are none, nor are octal or short forms of IPv4. */
export function parseAddress(text: string): Address | undefined {
  const value = text.includes(':') ? parseLong(text) : parseShort(text);
  return value === undefined ? undefined : { version: text.includes(':') ? 6 : 4, value };
}

/** An IPv4 address in the notation of IPv6 (`::ffff:10.0.0.1`) as what it is. */
export function unmapped(address: Address): Address {
  const isMapped = address.version === 6 && address.value >> 32n === MAPPED;
  return isMapped ? { version: 4, value: address.value & 0xffff_ffffn } : address;
}

function parseShort(text: string): bigint | undefined {
  const parts = text.split('.');
  if (parts.length !== 4 || !parts.every((part) => /^(0|[1-9]\d{0,2})$/.test(part) && Number(part) <= 255)) return undefined;
  return parts.reduce((value, part) => (value << 8n) | BigInt(part), 0n);
}

function parseLong(text: string): bigint | undefined {
  const halves = text.split('::');
  if (halves.length > 2) return undefined;
  const [head, tail] = halves.map((half, index) => groupsOf(half, index === halves.length - 1));
  if (head === undefined) return undefined;
  if (halves.length === 1) return head.length === 8 ? join(head) : undefined;
  if (tail === undefined || head.length + tail.length > 7) return undefined;
  return join([...head, ...Array.from({ length: 8 - head.length - tail.length }, () => 0), ...tail]);
}

/** Groups of 16 bits; the last one may be an IPv4 address. */
function groupsOf(half: string, isLast: boolean): readonly number[] | undefined {
  if (half === '') return [];
  const texts = half.split(':');
  const groups: number[] = [];
  for (const [index, group] of texts.entries()) {
    const embedded = isLast && index === texts.length - 1 && group.includes('.') ? parseShort(group) : undefined;
    if (embedded !== undefined) groups.push(Number(embedded >> 16n), Number(embedded & 0xffffn));
    else if (/^[\da-f]{1,4}$/i.test(group)) groups.push(Number.parseInt(group, 16));
    else return undefined;
  }
  return groups;
}

function join(groups: readonly number[]): bigint {
  return groups.reduce((value, group) => (value << 16n) | BigInt(group), 0n);
}

/** `10.0.0.1`, `fd00::1`: as RFC 5952 writes it. */
export function addressText({ version, value }: Address): string {
  if (version === 4) return [24n, 16n, 8n, 0n].map((shift) => (value >> shift) & 0xffn).join('.');
  const groups = Array.from({ length: 8 }, (_, index) => (value >> BigInt(112 - index * 16)) & 0xffffn);
  const text = groups.map((group) => group.toString(16)).join(':');
  const zeros = [...text.matchAll(/(?<![\da-f])0(?::0)+(?![\da-f])/g)];
  const longest = zeros.reduce<RegExpExecArray | undefined>(
    (best, run) => (run[0].length > (best?.[0].length ?? 0) ? run : best),
    undefined,
  );
  if (longest === undefined) return text;
  const [before, after] = [text.slice(0, longest.index), text.slice(longest.index + longest[0].length)];
  return `${before.replace(/:$/, '')}::${after.replace(/^:/, '')}`;
}

/** `10.0.0.0/8`. */
export function blockText(block: AddressBlock): string {
  return `${addressText(block)}/${block.prefix}`;
}

/** An address as bytes, most significant first. */
export function addressBytes({ version, value }: Address): readonly number[] {
  return Array.from({ length: bitsOf(version) / 8 }, (_, index) => Number((value >> BigInt(bitsOf(version) - 8 - index * 8)) & 0xffn));
}

/** The address that these bytes are, most significant first. */
export function addressFromBytes(version: 4 | 6, bytes: Uint8Array): Address {
  return { version, value: bytes.subarray(0, bitsOf(version) / 8).reduce((value, byte) => (value << 8n) | BigInt(byte), 0n) };
}

/** What bpf/endpoint.h does, over the bytes of an encoded table, for tests: a plain search instead of the kernel's trie. */
import type { Access } from '@parapet/policy';

type NetworkAccess = Extract<Access, { type: 'network' }>;

export interface EndpointBlock {
  readonly prefix: number;
  readonly key: Uint8Array;
  readonly value: DataView;
}

/** The blocks of an encoded table: keys of 28 bytes, values of 1032. */
export function loadBlocks(encoded: { endpointKeys: Uint8Array; endpoints: Uint8Array; endpointCount: number }): EndpointBlock[] {
  return Array.from({ length: encoded.endpointCount }, (_, i) => {
    const key = encoded.endpointKeys.slice(i * 28, (i + 1) * 28);
    const value = new DataView(encoded.endpoints.buffer, encoded.endpoints.byteOffset + i * 1032, 1032);
    return { prefix: new DataView(key.buffer).getUint32(0, true), key: key.subarray(4), value };
  });
}

/** The entry that decides, of the longest block around the address; undefined where none is about the access. */
export function searchBlocks(
  blocks: readonly EndpointBlock[],
  at: { root: number; source: number; access: NetworkAccess },
): { verdict: number; number: number; source: number } | undefined {
  const use = at.access.endpoint;
  if (use === undefined) return undefined;
  const wanted = new Uint8Array(24);
  const view = new DataView(wanted.buffer);
  view.setUint32(0, at.root, true);
  view.setUint32(4, use.address.version, true);
  const bytes = use.address.version === 4 ? 4 : 16;
  for (let i = 0; i < bytes; i += 1) wanted[8 + i] = Number((use.address.value >> BigInt((bytes - 1 - i) * 8)) & 0xffn);
  const around = blocks.filter(({ prefix, key }) => sameBits(key, wanted, prefix)).sort((a, b) => b.prefix - a.prefix);
  return around[0] === undefined ? undefined : searchEntries(around[0].value, at);
}

function sameBits(a: Uint8Array, b: Uint8Array, bits: number): boolean {
  for (let bit = 0; bit < bits; bit += 1) {
    const mask = 0x80 >> (bit % 8);
    if (((a[bit >> 3] ?? 0) & mask) !== ((b[bit >> 3] ?? 0) & mask)) return false;
  }
  return true;
}

const OPERATIONS = ['connect', 'send', 'bind', 'listen', 'accept'];

function searchEntries(
  value: DataView,
  { source, access }: { source: number; access: NetworkAccess },
): { verdict: number; number: number; source: number } | undefined {
  for (let i = 0; i < value.getUint32(0, true); i += 1) {
    const at = 8 + i * 16;
    const entry = { number: value.getUint32(at, true), source: value.getUint32(at + 4, true), verdict: value.getUint8(at + 12) };
    if ([0, source].includes(entry.source) && isAbout(value, { at, access, verdict: entry.verdict })) return entry;
  }
  return undefined;
}

function isAbout(value: DataView, { at, access, verdict }: { at: number; access: NetworkAccess; verdict: number }): boolean {
  const { allowed, surely, perhaps, ports } = carriedBy(access);
  const blocks = verdict === 3;
  const port = access.endpoint?.port ?? 0;
  const operation = OPERATIONS.indexOf(access.endpoint?.operation ?? '');
  const isAsked = ((value.getUint8(at + 13) >> operation) & 1) === 1;
  const isCarried = (value.getUint8(at + 14) & (blocks ? perhaps : verdict === 1 ? allowed : surely)) !== 0;
  const inRange = ports === 'known' && value.getUint16(at + 8, true) <= port && port <= value.getUint16(at + 10, true);
  return isAsked && isCarried && (value.getUint8(at + 15) === 1 || inRange || (blocks && ports === 'unknown'));
}

/** Protocols of a socket as bits, and what its addresses have. */
export function carriedBy({ family, socketType, protocol }: NetworkAccess): {
  allowed: number;
  surely: number;
  perhaps: number;
  ports: 'known' | 'unknown' | 'none';
} {
  const own = family === 43 ? 256 : protocol === 0 ? ({ 1: 6, 2: 17, 5: 132 }[socketType] ?? 0) : protocol;
  const surely = own === 6 || own === 256 || own === 262 ? 1 : own === 17 ? 2 : own === 132 ? 4 : 8;
  const isOwn = { 1: [1], 2: [2], 4: [1, 5], 8: [socketType] }[surely]?.includes(socketType);
  const allowed = isOwn === true ? surely : 8;
  if (socketType === 3 && protocol === 255) return { allowed, surely, perhaps: 15, ports: 'unknown' };
  if (![6, 256, 262, 17, 132, 136, 33].includes(own)) return { allowed, surely, perhaps: surely, ports: 'none' };
  return { allowed, surely, perhaps: surely, ports: socketType === 3 ? 'unknown' : 'known' };
}

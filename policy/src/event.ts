/** Records of the kernel's ring buffer: the fixed header, decoded. */
import { CLASS, COUNTERS, HOOKS, LAYOUT, PATH_OPERATION, SITE, VERDICT } from './abi.ts';
import type { CounterName } from './abi.ts';
import type { EndpointUse, PathOperation } from './access.ts';
import { addressFromBytes } from './address.ts';
import { ENDPOINT_OPERATIONS } from './model.ts';
import type { Section } from './model.ts';

export type SiteName = keyof typeof SITE;

export interface DecodedEvent {
  /** Nanoseconds of CLOCK_BOOTTIME. */
  readonly timeNs: bigint;
  readonly cgroup: bigint;
  /** When the acting thread was started; with `tid` it names the thread for ever. */
  readonly startTime: bigint;
  readonly container: number;
  readonly generation: number;
  /** Trie node that decided, as the kernel numbers it, or with site `endpoint` the entry's number; 0 where neither did. */
  readonly node: number;
  /** Source class that decided; 0 for a rule of any source. */
  readonly source: number;
  readonly section: Section;
  /** For the classes of paths. */
  readonly operation?: PathOperation;
  readonly verdict: 'none' | 'allow' | 'audit' | 'block';
  readonly site: SiteName;
  /** Whether the acting user owns the file. */
  readonly owner: boolean;
  /** As in `HOOKS`. */
  readonly hook: string;
  /** Why the access could not be judged, with site `unjudged`. */
  readonly reason?: CounterName;
  /** A path was too long for the record and lost its first components. */
  readonly truncated: boolean;
  readonly tgid: number;
  readonly tid: number;
  readonly ppid: number;
  /** Ids as the container sees them. */
  readonly nsTgid: number;
  readonly nsPpid: number;
  readonly uid: number;
  readonly pidNs: number;
  readonly mntNs: number;
  /** Network: family, type, protocol. Capability: number, 0, 0. */
  readonly detail: readonly [number, number, number];
  /** For sockets that were used with an address. */
  readonly endpoint?: EndpointUse;
  /** Bytes of the three texts that follow the header, in this order. */
  readonly resourceLength: number;
  readonly executableLength: number;
  readonly parentLength: number;
  /** The thread's name, at most 15 bytes; bytes that are not ASCII are shown as `?`. */
  readonly comm: string;
}

/** Decodes a record's header. Throws a RangeError when it is shorter than the ABI says or holds a number that the ABI has no name for. */
export function decodeEvent(header: Uint8Array): DecodedEvent {
  const at = LAYOUT.event;
  if (header.length < at.size) throw new RangeError(`an event has ${at.size} bytes, this one ${header.length}`);
  const view = new DataView(header.buffer, header.byteOffset, header.length);
  const u8 = (offset: number): number => view.getUint8(offset);
  const u16 = (offset: number): number => view.getUint16(offset, true);
  const u32 = (offset: number): number => view.getUint32(offset, true);
  const u64 = (offset: number): bigint => view.getBigUint64(offset, true);
  const section = nameOf(CLASS, u8(at.class));
  const site = nameOf(SITE, u8(at.site));
  return {
    timeNs: u64(at.time_ns),
    cgroup: u64(at.cgroup),
    startTime: u64(at.start_time),
    container: u32(at.container),
    generation: u32(at.generation),
    node: u32(at.node),
    source: u32(at.source),
    section,
    ...(section === 'process' || section === 'file' ? { operation: nameOf(PATH_OPERATION, u8(at.op)) } : {}),
    verdict: nameOf(VERDICT, u8(at.verdict)),
    site,
    owner: u8(at.who) === 0,
    hook: entryOf(HOOKS, u8(at.hook)),
    ...(site === 'unjudged' ? { reason: entryOf(COUNTERS, u8(at.reason)) } : {}),
    truncated: u8(at.truncated) !== 0,
    tgid: u32(at.tgid),
    tid: u32(at.tid),
    ppid: u32(at.ppid),
    nsTgid: u32(at.ns_tgid),
    nsPpid: u32(at.ns_ppid),
    uid: u32(at.uid),
    pidNs: u32(at.pid_ns),
    mntNs: u32(at.mnt_ns),
    detail: [u32(at.detail), u32(at.detail + 4), u32(at.detail + 8)],
    ...endpointOf(header),
    resourceLength: u16(at.resource_len),
    executableLength: u16(at.exe_len),
    parentLength: u16(at.parent_len),
    comm: threadName(header.subarray(at.comm, at.comm + 16)),
  };
}

function endpointOf(header: Uint8Array): { endpoint?: EndpointUse } {
  const at = LAYOUT.event;
  const version = header[at.version];
  if (version !== 4 && version !== 6) return {};
  const operation = entryOf(ENDPOINT_OPERATIONS, header[at.op] ?? 0);
  const port = (header[at.port] ?? 0) | ((header[at.port + 1] ?? 0) << 8);
  return { endpoint: { operation, address: addressFromBytes(version, header.subarray(at.address, at.address + 16)), port } };
}

function nameOf<Name extends string>(names: Readonly<Record<Name, number>>, value: number): Name {
  const name = (Object.keys(names) as Name[]).find((key) => names[key] === value);
  if (name === undefined) throw new RangeError(`an event holds ${value} where one of ${Object.keys(names).join(', ')} is meant`);
  return name;
}

function entryOf<Name extends string>(names: readonly Name[], index: number): Name {
  const name = names[index];
  if (name === undefined) throw new RangeError(`an event holds ${index} where there are ${names.length} names`);
  return name;
}

function threadName(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  const used = end === -1 ? bytes : bytes.subarray(0, end);
  return [...used].map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '?')).join('');
}

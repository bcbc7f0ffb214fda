/** Records of the kernel's ring buffer: the fixed header, decoded. */
import { CLASS, COUNTERS, EVENT_KIND, HOOKS, LAYOUT, PATH_OPERATION, SITE, VERDICT } from './abi.ts';
import type { CounterName } from './abi.ts';
import type { EndpointUse, PathOperation } from './access.ts';
import { addressFromBytes } from './address.ts';
import { ENDPOINT_OPERATIONS } from './model.ts';
import type { Section } from './model.ts';

export type SiteName = keyof typeof SITE;

export interface DecodedEvent {
  /** One event, or the last of many that were counted. */
  readonly kind: keyof typeof EVENT_KIND;
  /** How many events it stands for. */
  readonly count: number;
  /** The last of them, in nanoseconds of CLOCK_BOOTTIME. */
  readonly timeNs: bigint;
  /** The first of them that is not told by another record. */
  readonly firstNs: bigint;
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
  /** Why the access could not be judged, with site `unjudged`; why no list can have the argument, with `arguments`. */
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
  const section = named(SECTIONS, view.getUint8(at.class));
  const site = named(SITES, view.getUint8(at.site));
  const count = view.getBigUint64(at.count, true);
  if (count > MAX_COUNT) throw new RangeError(`an event stands for ${count} events`);
  return {
    kind: named(KINDS, view.getUint8(at.kind)),
    count: Number(count),
    timeNs: view.getBigUint64(at.time_ns, true),
    firstNs: view.getBigUint64(at.first_ns, true),
    cgroup: view.getBigUint64(at.cgroup, true),
    startTime: view.getBigUint64(at.start_time, true),
    container: view.getUint32(at.container, true),
    generation: view.getUint32(at.generation, true),
    node: view.getUint32(at.node, true),
    source: view.getUint32(at.source, true),
    section,
    ...(section === 'process' || section === 'file' ? { operation: named(OPERATIONS, view.getUint8(at.op)) } : {}),
    verdict: named(VERDICTS, view.getUint8(at.verdict)),
    site,
    owner: view.getUint8(at.who) === 0,
    hook: named(HOOKS, view.getUint8(at.hook)),
    ...(site === 'unjudged' || (site === 'arguments' && view.getUint8(at.reason) !== 0)
      ? { reason: named(COUNTERS, view.getUint8(at.reason)) }
      : {}),
    truncated: view.getUint8(at.truncated) !== 0,
    tgid: view.getUint32(at.tgid, true),
    tid: view.getUint32(at.tid, true),
    ppid: view.getUint32(at.ppid, true),
    nsTgid: view.getUint32(at.ns_tgid, true),
    nsPpid: view.getUint32(at.ns_ppid, true),
    uid: view.getUint32(at.uid, true),
    pidNs: view.getUint32(at.pid_ns, true),
    mntNs: view.getUint32(at.mnt_ns, true),
    detail: [view.getUint32(at.detail, true), view.getUint32(at.detail + 4, true), view.getUint32(at.detail + 8, true)],
    ...endpointOf(header),
    resourceLength: view.getUint16(at.resource_len, true),
    executableLength: view.getUint16(at.exe_len, true),
    parentLength: view.getUint16(at.parent_len, true),
    comm: threadName(header),
  };
}

function endpointOf(header: Uint8Array): { endpoint?: EndpointUse } {
  const at = LAYOUT.event;
  const version = header[at.version];
  if (version !== 4 && version !== 6) return {};
  const operation = named(ENDPOINT_OPERATIONS, header[at.op] ?? 0);
  const port = (header[at.port] ?? 0) | ((header[at.port + 1] ?? 0) << 8);
  return { endpoint: { operation, address: addressFromBytes(version, header.subarray(at.address, at.address + 16)), port } };
}

const MAX_COUNT = BigInt(Number.MAX_SAFE_INTEGER);
const KINDS = namesOf(EVENT_KIND);
const SECTIONS = namesOf(CLASS);
const SITES = namesOf(SITE);
const OPERATIONS = namesOf(PATH_OPERATION);
const VERDICTS = namesOf(VERDICT);

/** The names of an enum in the order of its numbers. */
function namesOf<Name extends string>(numbers: Readonly<Record<Name, number>>): readonly (Name | undefined)[] {
  const names: (Name | undefined)[] = [];
  for (const name of Object.keys(numbers) as Name[]) names[numbers[name]] = name;
  return names;
}

function named<Name extends string>(names: readonly (Name | undefined)[], value: number): Name {
  const name = names[value];
  if (name === undefined) throw new RangeError(`an event holds ${value} where one of ${names.join(', ')} is meant`);
  return name;
}

const COMM = LAYOUT.event.comm;
const COMM_END = COMM + 16;

function threadName(header: Uint8Array): string {
  let name = '';
  for (let at = COMM; at < COMM_END; at += 1) {
    const byte = header[at] ?? 0;
    if (byte === 0) break;
    name += byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : '?';
  }
  return name;
}

/** The kernel's algorithm for switches and system calls over the bytes of an encoded table, for tests. See table-walk.ts. */
import type { EncodedTable, SwitchName } from '@parapet/policy';
import { syscallNumbers } from '../../policy/src/syscall.ts';
import type { WalkResult } from './table-walk.ts';

export interface SwitchMaps {
  /** The table's root id. */
  readonly root: number;
  readonly switches: bigint;
  readonly syscalls: DataView;
  /** By `node/source`. */
  readonly syscallSets: ReadonlyMap<string, DataView>;
}

const SWITCHES: Readonly<Record<SwitchName, number>> = {
  ptrace: 0,
  mounts: 1,
  modules: 2,
  bpf: 3,
  perf: 4,
  userNamespaces: 5,
  ioUring: 6,
  filelessExec: 16,
  anonymousMapExec: 17,
  protectEnv: 18,
  exec: 19,
  protectProc: 20,
};

/** What is said of a call, by one of its native numbers, made by a source class. */
export function walkSyscall(maps: SwitchMaps, { syscall, source }: { syscall: string; source: number }): WalkResult {
  const number = syscallNumbers(syscall)?.native[0] ?? -1;
  const has = (set: DataView | undefined): boolean => set !== undefined && ((set.getUint8(number >> 3) >> (number & 7)) & 1) !== 0;
  const asked = (source === 0 ? [0] : [source, 0]).flatMap((from) => [
    { from, key: from + 2 ** 31, verdict: 3 },
    { from, key: from, verdict: 2 },
  ]);
  const found = has(maps.syscalls) ? asked.find(({ key }) => has(maps.syscallSets.get(`${maps.root}/${key}`))) : undefined;
  return { verdict: found?.verdict ?? 0, site: 11, node: 0, source: found?.from ?? 0 };
}

/** Whether the set under a key has a call's first number. */
export function hasCall({ syscallSets }: SwitchMaps, key: { node: number; source: number }, syscall: string): boolean {
  const number = syscallNumbers(syscall)?.native[0] ?? -1;
  const set = syscallSets.get(`${key.node}/${key.source}`);
  return set !== undefined && ((set.getUint8(number >> 3) >> (number & 7)) & 1) !== 0;
}

/** Without a verdict the hook returns before it knows a site. */
export function walkSwitch(maps: SwitchMaps, which: SwitchName): WalkResult {
  return { verdict: Number((maps.switches >> BigInt(SWITCHES[which] * 2)) & 3n), site: 11, node: 0, source: 0 };
}

/** The maps of one encoded table; its terminal twin says the same. */
export function loadSwitches(encoded: EncodedTable, root: number): SwitchMaps {
  const view = (bytes: Uint8Array, from: number, size: number): DataView => new DataView(bytes.buffer, bytes.byteOffset + from, size);
  const sets = Array.from({ length: encoded.syscallCount }, (_, i): [string, DataView] => {
    const key = view(encoded.syscallKeys, i * 8, 8);
    return [`${key.getUint32(0, true)}/${key.getUint32(4, true)}`, view(encoded.syscallSets, i * 144, 144)];
  });
  return {
    root,
    switches: view(encoded.table, 0, 272).getBigUint64(120, true),
    syscalls: view(encoded.table, 128, 144),
    syscallSets: new Map(sets),
  };
}

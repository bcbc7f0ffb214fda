/** Sets of system calls as the kernel's bitmaps. */
import { LAYOUT, SITE, SYSCALL_BLOCKED_BIT, SYSCALL_HOOK_SHIFT, SYSCALL_ON_PATH, SYSCALL_SITE_SHIFT } from './abi.ts';
import { SYSCALL_BITS, syscallNumbers } from './syscall.ts';
import type { SyscallPathSet, Table } from './table.ts';

/** One `struct syscall_set`: a bit for every number under which one of the calls can be made. */
export function encodeSyscallSet(names: Iterable<string>): Uint8Array {
  const bytes = new Uint8Array(LAYOUT.syscall_set.size);
  for (const name of names) {
    const numbers = syscallNumbers(name);
    if (numbers === undefined) throw new Error(`no system call is called ${name}: the policy did not come from the parser`);
    for (const number of numbers.native) setBit(bytes, LAYOUT.syscall_set.native * 8 + number);
    for (const number of numbers.compat) setBit(bytes, LAYOUT.syscall_set.compat * 8 + number);
  }
  return bytes;
}

/** All calls that the table names for whatever source and path: what is not among them costs the kernel one look. */
export function everySyscall(table: Table): ReadonlySet<string> {
  return new Set([...table.syscalls.values()].flatMap(({ audit, block }) => [...audit, ...block]));
}

/** A set, with what is in its key: an id relative to the table, and a source class with what `source` in bpf/abi_switch.h tells of. */
interface KeyedSet {
  readonly node: number;
  readonly source: number;
  readonly names: ReadonlySet<string>;
}

/** The sets that are not empty. */
export function syscallSets(table: Table): readonly KeyedSet[] {
  const whole = [...table.syscalls].flatMap(([source, { audit, block }]) => [
    { node: 1, source, names: audit },
    { node: 1, source: source + 2 ** SYSCALL_BLOCKED_BIT, names: block },
  ]);
  const onPaths = table.syscallPaths.sets.map((set) => ({ node: set.node, source: sourceOnPath(set), names: set.names }));
  return [...whole, ...onPaths].filter(({ names }) => names.size > 0);
}

function sourceOnPath({ hook, site, source }: SyscallPathSet): number {
  return SYSCALL_ON_PATH + hook * 2 ** SYSCALL_HOOK_SHIFT + (site === undefined ? 0 : SITE[site]) * 2 ** SYSCALL_SITE_SHIFT + source;
}

/** Whether one of the keys of the sets, as encoded, is of calls that are audited whatever their path. */
export function auditsAny(keys: Uint8Array): boolean {
  const view = new DataView(keys.buffer, keys.byteOffset, keys.length);
  const { size, source } = LAYOUT.source_key;
  return Array.from({ length: keys.length / size }, (_, i) => view.getUint32(i * size + source, true)).some(
    (value) => value < SYSCALL_ON_PATH,
  );
}

function setBit(bytes: Uint8Array, bit: number): void {
  if (bit >= SYSCALL_BITS * 2) throw new RangeError(`there is no bit ${bit} in a set of system calls`);
  bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (1 << (bit & 7));
}

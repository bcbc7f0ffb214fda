/** bpf/abi.h and policy/src/abi.ts are the same, to the byte: what the compiler laid out, from the BTF of an object that holds all of it. */
import { execFileSync } from 'node:child_process';
import path from 'node:path';
import { beforeAll, describe, expect, test } from '@jest/globals';
import * as policy from '@parapet/policy';

interface BtfType {
  readonly id: number;
  readonly kind: string;
  readonly name: string;
  readonly size: number;
  readonly type_id?: number;
  readonly nr_elems?: number;
  readonly members?: readonly { readonly name: string; readonly type_id: number; readonly bits_offset: number }[];
  readonly values?: readonly { readonly name: string; readonly val: number }[];
}

const OBJECT = path.join(import.meta.dirname, '../../bpf/build/abi.bpf.o');
let types: readonly BtfType[];

beforeAll(() => {
  const PATH = `${process.env['PATH'] ?? ''}:/usr/sbin:/sbin`;
  const json = execFileSync('bpftool', ['btf', 'dump', 'file', OBJECT, 'format', 'raw', '-j'], { env: { PATH }, encoding: 'utf8' });
  types = (JSON.parse(json) as { types: BtfType[] }).types;
});

function find(kind: string, name: string): BtfType {
  const found = types.find((type) => type.kind === kind && type.name === name);
  if (found === undefined) throw new Error(`${OBJECT} has no ${kind} ${name}`);
  return found;
}

/** The enumerators of an enum in C, in order of their values. */
function enumerators(name: string): { name: string; val: number }[] {
  return [...(find('ENUM', name).values ?? [])].sort((a, b) => a.val - b.val);
}

describe('structs', () => {
  test.each(Object.entries(policy.LAYOUT))('struct %s has the same size and the same fields at the same offsets', (name, layout) => {
    const struct = find('STRUCT', name);
    const inC = Object.fromEntries((struct.members ?? []).map((member) => [member.name, member.bits_offset / 8]));
    expect(layout).toEqual({ size: struct.size, ...inC });
  });

  test('every struct that the header shares has a twin', () => {
    const shared = find('STRUCT', 'abi').members!.map(({ name }) => name);
    const structs = types.filter(({ kind, name }) => kind === 'STRUCT' && shared.includes(name)).map(({ name }) => name);
    expect(structs.sort()).toEqual(Object.keys(policy.LAYOUT).sort());
  });

  test('no struct has a hole: what the kernel does not write would be what was there before', () => {
    const sizeOf = (id: number): number => {
      const type = types.find((one) => one.id === id)!;
      if (type.kind === 'ARRAY') return sizeOf(type.type_id!) * type.nr_elems!;
      return type.kind === 'TYPEDEF' ? sizeOf(type.type_id!) : type.size;
    };
    for (const name of Object.keys(policy.LAYOUT)) {
      const struct = find('STRUCT', name);
      const sum = struct.members!.reduce((total, member) => total + sizeOf(member.type_id), 0);
      expect({ name, sum }).toEqual({ name, sum: struct.size });
    }
  });
});

describe('numbers', () => {
  test('limits and flags are the same', () => {
    const inC = Object.fromEntries(enumerators('number').map(({ name, val }) => [name.replace('NUMBER_', ''), val]));
    expect(inC).toEqual({
      ABI: policy.ABI,
      NAME_CHUNK: policy.NAME_CHUNK,
      MAX_ARGUMENTS: policy.MAX_ARGUMENTS,
      MAX_INODES: policy.MAX_INODES,
      MAX_PROGRAM_NAMES: policy.MAX_PROGRAM_NAMES,
      FILE_MANY_NAMES: policy.FILE_MANY_NAMES,
      FILE_MORE_RULES: policy.FILE_MORE_RULES,
      MAX_ARGUMENT_BYTES: policy.MAX_ARGUMENT_BYTES,
      MAX_ARGUMENT_RULES: policy.MAX_ARGUMENT_RULES,
      TABLE_HAS_ARGUMENTS: policy.TABLE_HAS_ARGUMENTS,
      MAX_COMPONENTS: policy.MAX_COMPONENTS,
      MAX_TABLES: policy.MAX_TABLES,
      MAX_CONTAINERS: policy.MAX_CONTAINERS,
      MAX_NODES: policy.MAX_NODES,
      MAX_LABELS: policy.MAX_LABELS,
      MAX_ENDPOINTS: policy.MAX_ENDPOINTS,
      MAX_ENDPOINT_ENTRIES: policy.MAX_ENDPOINT_ENTRIES,
      PATTERN_CELLS: policy.PATTERN_CELLS,
      MAX_PATTERN_CHUNKS: policy.MAX_PATTERN_CHUNKS,
      EVENT_RATE: policy.EVENT_RATE,
      EVENT_BURST: policy.EVENT_BURST,
      EVENT_RECENT: policy.EVENT_RECENT,
      MAX_TALLIES: policy.MAX_TALLIES,
      TALLY_TEXT: policy.TALLY_TEXT,
      TABLE_HAS_FIRST: 1 << policy.CLASS.process,
      TABLE_HAS_LAST: 1 << policy.CLASS.hardening,
      SYSCALL_BLOCKED_BIT: policy.SYSCALL_BLOCKED_BIT,
      TABLE_HAS_SOURCES: policy.TABLE_HAS_SOURCES,
      TABLE_HAS_PATTERNS: policy.TABLE_HAS_PATTERNS,
      TABLE_HAS_EXECNAMES: policy.TABLE_HAS_EXECNAMES,
      TABLE_HAS_TERMINAL: policy.TABLE_HAS_TERMINAL,
      TABLE_HAS_ENDPOINTS: policy.TABLE_HAS_ENDPOINTS,
      TABLE_HAS_ACCEPT: policy.TABLE_HAS_ACCEPT,
      TABLE_HAS_SYSCALL_PATHS: policy.TABLE_HAS_SYSCALL_PATHS,
      SYSCALL_ON_PATH: policy.SYSCALL_ON_PATH,
      SYSCALL_HOOK_SHIFT: policy.SYSCALL_HOOK_SHIFT,
      SYSCALL_SITE_SHIFT: policy.SYSCALL_SITE_SHIFT,
    });
  });

  test.each([
    ['verdict', 'VERDICT_', policy.VERDICT],
    ['path_op', 'OP_', policy.PATH_OPERATION],
    ['who', 'WHO_', policy.WHO],
    ['event_kind', 'EVENT_', policy.EVENT_KIND],
    ['site', 'SITE_', policy.SITE],
    ['endpoint_op', 'ENDPOINT_', policy.ENDPOINT_OPERATION],
    ['endpoint_protocol', 'PROTOCOL_', policy.ENDPOINT_PROTOCOL],
    ['hold_mode', 'HOLD_', policy.HOLD_MODE],
    ['hold_root', 'HOLD_ROOT_', policy.HOLD_ROOT],
  ])('enum %s has the same values', (name, prefix, twin) => {
    const inC = Object.fromEntries(enumerators(name).map((one) => [one.name.replace(prefix, '').toLowerCase(), one.val]));
    expect(inC).toEqual(twin);
  });

  test('enum op_class has the same values', () => {
    expect(enumerators('op_class')).toEqual([
      { name: 'CLASS_PROCESS', val: policy.CLASS.process },
      { name: 'CLASS_FILE', val: policy.CLASS.file },
      { name: 'CLASS_NETWORK', val: policy.CLASS.network },
      { name: 'CLASS_CAPABILITY', val: policy.CLASS.capabilities },
      { name: 'CLASS_DNS', val: policy.CLASS.dns },
      { name: 'CLASS_SYSCALL', val: policy.CLASS.syscalls },
      { name: 'CLASS_PRESET', val: policy.CLASS.presets },
      { name: 'CLASS_HARDENING', val: policy.CLASS.hardening },
    ]);
  });

  test('enum switch_name has the same values', () => {
    const camel = (name: string): string => name.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
    const inC = Object.fromEntries(enumerators('switch_name').map(({ name, val }) => [camel(name.replace('SWITCH_', '')), val]));
    expect(inC).toEqual(policy.SWITCH);
  });

  test('network names are in the order of enum net_name', () => {
    const inC = enumerators('net_name').map(({ name, val }) => [val, name.replace('NET_', '').toLowerCase()]);
    expect(inC).toEqual(policy.NETWORK_NAMES.map((name, index) => [index, name]));
  });

  test('counters are in the order of enum counter', () => {
    const camel = (name: string): string => name.toLowerCase().replace(/_(.)/g, (_, letter: string) => letter.toUpperCase());
    const inC = enumerators('counter').map(({ name, val }) => [val, camel(name.replace('COUNT_', ''))]);
    expect(inC).toEqual([...policy.COUNTERS, 'last'].map((name, index) => [index, name]));
  });

  test('hooks are in the order of enum hook', () => {
    const alertName = (name: string): string => name.replace('HOOK_', '').replace('BPRM_CHECK', 'SECURITY_BPRM_CHECK');
    const inC = enumerators('hook').map(({ name, val }) => [val, alertName(name)]);
    expect(inC).toEqual(policy.HOOKS.map((name, index) => [index, name]));
  });
});

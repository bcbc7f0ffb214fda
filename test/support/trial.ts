/** One access as bytes for bpf/match_test.bpf.c. */
import { CLASS, ENDPOINT_OPERATION, hookNumbersTelling, PATH_OPERATION, SWITCH } from '@parapet/policy';
import type { Access, EndpointUse, FileClass } from '@parapet/policy';
import { syscallNumbers } from '../../policy/src/syscall.ts';
import type { FileId } from '../../agent/src/ports.ts';

/** struct trial in bpf/trial.h */
export const TRIAL = {
  size: 12408,
  table: 0,
  class: 4,
  op: 8,
  who: 12,
  detail: 16,
  version: 28,
  port: 32,
  anonymous: 36,
  address: 40,
  path_len: 56,
  source_len: 60,
  verdict: 64,
  site: 68,
  node: 72,
  source: 76,
  source_class: 80,
  argument_count: 84,
  end: 88,
  gone: 92,
  generation: 96,
  device: 100,
  expected: 104,
  inode: 112,
  path: 120,
  source_path: 4216,
  arguments: 8312,
} as const;

/** Where the walk to a file ends: enum end in bpf/scratch.h. */
const END: Readonly<Record<FileClass | 'attached', number>> = { attached: 0, deleted: 0, foreign: 1, anonymous: 2, detached: 3 };
const DEVICE = 7;

export interface TrialFile {
  readonly inode: bigint;
  readonly generation: number;
  /** Those of its names that rules have. */
  readonly names: ReadonlyMap<string, FileId>;
}

const NO_FILE: TrialFile = { inode: 0n, generation: 0, names: new Map() };

/** The file of the access with this number, as the agent finds it. Moved are directories, which are not known by their inodes. */
export function fileOf(access: Access, { named, number }: { named: readonly string[]; number: number }): TrialFile {
  const { path, otherNames = [], fileClass } = access.type === 'path' && access.operation !== 'move' ? access : { path: '/' };
  const inode = otherNames.length === 0 ? 0n : BigInt(number);
  const own = fileClass === undefined ? [path, ...otherNames] : otherNames;
  const id: FileId = { device: DEVICE, inode, links: otherNames.length + 1 };
  return {
    inode,
    generation: number,
    names: new Map(inode === 0n ? [] : named.filter((one) => own.includes(one)).map((one) => [one, id])),
  };
}

/** What a hook would find out about the file. */
function putFile(bytes: Buffer, access: Extract<Access, { type: 'path' }>, { inode, generation }: TrialFile): void {
  bytes.writeUInt32LE(END[access.fileClass ?? 'attached'], TRIAL.end);
  bytes.writeUInt32LE(access.fileClass === 'deleted' ? 1 : 0, TRIAL.gone);
  bytes.writeUInt32LE(generation, TRIAL.generation);
  bytes.writeUInt32LE(DEVICE, TRIAL.device);
  bytes.writeBigUInt64LE(inode, TRIAL.inode);
}

/** The access, to be judged by the table in that slot. */
export function encodeTrial(access: Access, { file = NO_FILE, slot }: { readonly file?: TrialFile; readonly slot: number }): Buffer {
  const bytes = Buffer.alloc(TRIAL.size);
  bytes.writeUInt32LE(slot, TRIAL.table);
  bytes.writeUInt32LE(bytes.write(access.source, TRIAL.source_path), TRIAL.source_len);
  if (access.type === 'path') {
    bytes.writeUInt32LE(access.operation === 'exec' ? CLASS.process : CLASS.file, TRIAL.class);
    bytes.writeUInt32LE(PATH_OPERATION[access.operation], TRIAL.op);
    bytes.writeUInt32LE(access.owner ? 0 : 1, TRIAL.who);
    bytes.writeUInt32LE(bytes.write(access.path, TRIAL.path, TRIAL.source_path - TRIAL.path), TRIAL.path_len);
    putFile(bytes, access, file);
    const told = access.arguments ?? [];
    bytes.writeUInt32LE(told.length, TRIAL.argument_count);
    bytes.write(told.map((argument) => `${argument}\0`).join(''), TRIAL.arguments);
    return bytes;
  }
  if (access.type === 'syscall' || access.type === 'switch') return putWhole(bytes, access);
  if (access.type === 'dns') {
    bytes.writeUInt32LE(CLASS.dns, TRIAL.class);
    bytes.writeUInt32LE(putName(bytes, access.name), TRIAL.path_len);
    return bytes;
  }
  const isNetwork = access.type === 'network';
  bytes.writeUInt32LE(isNetwork ? CLASS.network : CLASS.capabilities, TRIAL.class);
  const detail = isNetwork ? [access.family, access.socketType, access.protocol] : [access.capability, 0, 0];
  detail.forEach((value, i) => bytes.writeUInt32LE(value, TRIAL.detail + i * 4));
  if (access.type === 'network' && access.endpoint !== undefined) putEndpoint(bytes, access.endpoint);
  return bytes;
}

/** What is about the whole container. */
function putWhole(bytes: Buffer, access: Extract<Access, { type: 'syscall' | 'switch' }>): Buffer {
  if (access.type === 'switch') {
    bytes.writeUInt32LE(SWITCH[access.switch] >= SWITCH.filelessExec ? CLASS.presets : CLASS.hardening, TRIAL.class);
    bytes.writeUInt32LE(SWITCH[access.switch], TRIAL.detail);
    return bytes;
  }
  // One of the numbers under which it can be called, whichever the length of the source picks.
  const { native = [], compat = [] } = syscallNumbers(access.syscall) ?? {};
  const pick = access.source.length % (native.length + compat.length);
  bytes.writeUInt32LE(CLASS.syscalls, TRIAL.class);
  bytes.writeUInt32LE([...native, ...compat][pick] ?? 0, TRIAL.detail);
  bytes.writeUInt32LE(pick < native.length ? 0 : 1, TRIAL.detail + 4);
  if (access.path === undefined) return bytes;
  bytes.writeUInt32LE(hookNumbersTelling(access.syscall)[0] ?? 0, TRIAL.op);
  bytes.writeUInt32LE(bytes.write(access.path, TRIAL.path, TRIAL.source_path - TRIAL.path), TRIAL.path_len);
  return bytes;
}

/** A name as a packet has it: each part after its length, the end after a 0. Returns its bytes. */
function putName(bytes: Buffer, name: string): number {
  let at: number = TRIAL.path;
  for (const label of name.split('.').filter((part) => part !== '')) {
    bytes.writeUInt8(label.length, at);
    at += 1 + bytes.write(label, at + 1, 'latin1');
  }
  return at + 1 - TRIAL.path;
}

function putEndpoint(bytes: Buffer, { operation, address, port }: EndpointUse): void {
  bytes.writeUInt32LE(ENDPOINT_OPERATION[operation], TRIAL.op);
  bytes.writeUInt32LE(address.version, TRIAL.version);
  bytes.writeUInt32LE(port, TRIAL.port);
  bytes.writeUInt32LE(operation === 'bind' && address.value === 0n && port === 0 ? 1 : 0, TRIAL.anonymous);
  const hex = address.value.toString(16).padStart(address.version === 4 ? 8 : 32, '0');
  bytes.write(hex, TRIAL.address, 'hex');
}

/**
 * The kernel's own answers on this machine, without attaching anything: bpf/match_test.bpf.c run by BPF_PROG_TEST_RUN through the agent's
 * bridge. Needs root, and a kernel that runs raw tracepoint programs.
 */
import path from 'node:path';
import {
  CLASS,
  encodeTable,
  ENDPOINT_OPERATION,
  LAYOUT,
  MAX_PATTERN_CHUNKS,
  PATH_OPERATION,
  PATTERN_CELLS,
  SITE,
  SWITCH,
  VERDICT,
} from '@parapet/policy';
import type { Access, EndpointUse, Table } from '@parapet/policy';
import { syscallNumbers } from '../../policy/src/syscall.ts';
import { checked, isNull, openLibrary } from '../../agent/src/adapters/kernel/library.ts';
import type { Handle, KernelLibrary } from '../../agent/src/adapters/kernel/library.ts';
import { KernelMap, word } from '../../agent/src/adapters/kernel/map.ts';

const BUILD = path.join(import.meta.dirname, '../../bpf/build');
/** struct trial in bpf/trial.h */
const TRIAL = {
  size: 8276,
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
  path: 84,
  source_path: 4180,
} as const;
const SLOT = 1;
const TERMINAL_SLOT = SLOT + 1;

export interface KernelAnswer {
  readonly verdict: keyof typeof VERDICT;
  readonly site: keyof typeof SITE;
  /** Relative to the table; with site `endpoint`, the entry's number. */
  readonly node: number;
  readonly source: number;
}

export interface Walked {
  /** enum end: 0 attached, 1 foreign, 2 anonymous, 3 detached, 4 too deep, 5 fault. */
  readonly end: number;
  readonly path: string;
  readonly truncated: boolean;
}

export class KernelTrials {
  readonly #library: KernelLibrary;
  readonly #object: Handle;
  readonly #trials: KernelMap;
  #nodeBase = 0;
  #chunk = 1;

  constructor() {
    if (process.getuid?.() !== 0) throw new Error('this test runs programs in the kernel: run it as root');
    this.#library = openLibrary(BUILD);
    const error = Buffer.alloc(4);
    this.#object = this.#library.parapet_load(path.join(BUILD, 'match_test.bpf.o'), '', error);
    if (isNull(this.#object))
      throw new Error(`the kernel refuses the matcher (${error.readInt32LE()}):\n${this.#library.parapet_messages()}`);
    this.#trials = this.#map('trials', { keySize: 4, valueSize: TRIAL.size });
  }

  /** Puts the table in the kernel's maps, asks about every access, and takes it out again. */
  judge(table: Table, accesses: readonly Access[]): KernelAnswer[] {
    return this.#with(table, () => {
      accesses.forEach((access, i) => this.#trials.set(word(i), encodeTrial(access, table.terminal !== undefined)));
      const judged = this.#run('judge_trials', { argument: accesses.length });
      if (judged !== accesses.length) throw new Error(`the kernel judged ${judged} of ${accesses.length} accesses`);
      return accesses.map((_, i) => this.#answer(i));
    });
  }

  /** Whether an Ethernet frame of the host may leave, when the host has this table. */
  leaves(table: Table, frame: Buffer): boolean {
    const containers = this.#map('containers', { keySize: 4, valueSize: LAYOUT.container.size });
    return this.#with(table, () => {
      const bytes = new Uint8Array(LAYOUT.container.size);
      new DataView(bytes.buffer).setUint32(LAYOUT.container.table, SLOT, true);
      new DataView(bytes.buffer).setUint32(LAYOUT.container.generation, 1, true);
      containers.set(word(0), bytes);
      const result = this.#run('on_egress', { packet: frame });
      containers.set(word(0), new Uint8Array(LAYOUT.container.size));
      return (result & 1) === 1;
    });
  }

  /** The table in the kernel's maps, while something is asked. */
  #with<Result>(table: Table, ask: () => Result): Result {
    const chunk = this.#placeFor(table);
    const encoded = encodeTable(table, this.#nodeBase, { chunk, terminal: TERMINAL_SLOT });
    const parts = [
      ['nodes', LAYOUT.node_key.size, LAYOUT.node.size, encoded.nodeKeys, encoded.nodeValues],
      ['node_sources', LAYOUT.source_key.size, LAYOUT.words.size, encoded.sourceKeys, encoded.sourceWords],
      ['source_flat', LAYOUT.source_key.size, LAYOUT.flat_rules.size, encoded.flatKeys, encoded.flatRules],
      ['syscall_sets', LAYOUT.source_key.size, LAYOUT.syscall_set.size, encoded.syscallKeys, encoded.syscallSets],
      ['endpoints', LAYOUT.endpoint_key.size, LAYOUT.endpoint.size, encoded.endpointKeys, encoded.endpoints],
    ] as const;
    const maps = parts.map(([name, keySize, valueSize, keys, values]) => ({ map: this.#map(name, { keySize, valueSize }), keys, values }));
    for (const { map, keys, values } of maps) map.setAll(keys, values);
    const chunkKeys = Array.from({ length: encoded.patternCount }, (_, i) => word(chunk + i));
    this.#map('patterns', { keySize: 4, valueSize: PATTERN_CELLS * 2 }).setAll(Buffer.concat(chunkKeys), encoded.patternChunks);
    const tables = this.#map('tables', { keySize: 4, valueSize: LAYOUT.table.size });
    tables.set(word(SLOT), encoded.table);
    if (encoded.terminalTable.length > 0) tables.set(word(TERMINAL_SLOT), encoded.terminalTable);
    const answer = ask();
    for (const { map, keys } of maps) map.deleteAll(keys);
    this.#nodeBase += encoded.idCount;
    return answer;
  }

  /** Another run of chunks each time, now and then over the map's last ones. */
  #placeFor(table: Table): number {
    const { patternCount } = encodeTable(table, 0);
    this.#chunk = this.#chunk + 7 + patternCount < MAX_PATTERN_CHUNKS ? this.#chunk + 7 : 1;
    return this.#chunk;
  }

  /** Where the kernel's walk finds an open file of this process. */
  walk(descriptor: number): Walked {
    if (this.#run('walk_descriptor', { argument: descriptor }) !== 0) throw new Error(`the kernel cannot walk descriptor ${descriptor}`);
    const bytes = Buffer.from(this.#trials.get(word(0)) ?? []);
    return {
      end: bytes.readUInt32LE(TRIAL.verdict),
      path: bytes.toString('utf8', TRIAL.path, TRIAL.path + bytes.readUInt32LE(TRIAL.path_len)),
      truncated: bytes.readUInt32LE(TRIAL.site) !== 0,
    };
  }

  close(): void {
    this.#library.bpf_object__close(this.#object);
  }

  #map(name: string, shape: { keySize: number; valueSize: number }): KernelMap {
    return new KernelMap(this.#library, checked(this.#library.bpf_object__find_map_fd_by_name(this.#object, name), name), {
      name,
      ...shape,
    });
  }

  /** Runs a program with one argument, or on a packet; its return value. */
  #run(program: string, input: { argument: number } | { packet: Buffer }): number {
    const fd = checked(this.#library.bpf_program__fd(this.#library.bpf_object__find_program_by_name(this.#object, program)), program);
    const options = Buffer.alloc(80) as Buffer & { writePointer(pointer: Buffer, offset: number): void };
    options.writeBigUInt64LE(80n, 0);
    if ('packet' in input) {
      options.writePointer(input.packet, 8);
      options.writeUInt32LE(input.packet.length, 24);
    } else {
      const context = Buffer.alloc(8);
      context.writeBigUInt64LE(BigInt(input.argument));
      options.writePointer(context, 32);
      options.writeUInt32LE(context.length, 48);
    }
    checked(this.#library.bpf_prog_test_run_opts(fd, options), `running ${program}`);
    return options.readUInt32LE(56);
  }

  #answer(index: number): KernelAnswer {
    const bytes = Buffer.from(this.#trials.get(word(index)) ?? []);
    const node = bytes.readUInt32LE(TRIAL.node);
    const site = nameOf(SITE, bytes.readUInt32LE(TRIAL.site));
    return {
      verdict: nameOf(VERDICT, bytes.readUInt32LE(TRIAL.verdict)),
      site,
      node: node === 0 || site === 'endpoint' || site === 'pattern' ? node : node - this.#nodeBase,
      source: bytes.readUInt32LE(TRIAL.source),
    };
  }
}

function encodeTrial(access: Access, hasTerminal: boolean): Uint8Array {
  const bytes = Buffer.alloc(TRIAL.size);
  const terminal = hasTerminal && 'terminal' in access && access.terminal === true;
  bytes.writeUInt32LE(terminal ? TERMINAL_SLOT : SLOT, TRIAL.table);
  bytes.writeUInt32LE(bytes.write(access.source, TRIAL.source_path), TRIAL.source_len);
  if (access.type === 'path') {
    bytes.writeUInt32LE(access.operation === 'exec' ? CLASS.process : CLASS.file, TRIAL.class);
    bytes.writeUInt32LE(PATH_OPERATION[access.operation], TRIAL.op);
    bytes.writeUInt32LE(access.owner ? 0 : 1, TRIAL.who);
    bytes.writeUInt32LE(bytes.write(access.path, TRIAL.path, TRIAL.source_path - TRIAL.path), TRIAL.path_len);
    return bytes;
  }
  if (access.type === 'syscall') {
    // One of the numbers under which it can be called, whichever the length of the source picks.
    const { native = [], compat = [] } = syscallNumbers(access.syscall) ?? {};
    const pick = access.source.length % (native.length + compat.length);
    bytes.writeUInt32LE(CLASS.syscalls, TRIAL.class);
    bytes.writeUInt32LE([...native, ...compat][pick] ?? 0, TRIAL.detail);
    bytes.writeUInt32LE(pick < native.length ? 0 : 1, TRIAL.detail + 4);
    return bytes;
  }
  if (access.type === 'switch') {
    bytes.writeUInt32LE(SWITCH[access.switch] >= SWITCH.filelessExec ? CLASS.presets : CLASS.hardening, TRIAL.class);
    bytes.writeUInt32LE(SWITCH[access.switch], TRIAL.detail);
    return bytes;
  }
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

function nameOf<Name extends string>(names: Readonly<Record<Name, number>>, value: number): Name {
  const name = (Object.keys(names) as Name[]).find((key) => names[key] === value);
  if (name === undefined) throw new Error(`the kernel answered ${value}`);
  return name;
}

/**
 * The kernel's own answers on this machine, without attaching anything: bpf/match_test.bpf.c run by BPF_PROG_TEST_RUN through the agent's
 * bridge. Needs root, and a kernel that runs raw tracepoint programs.
 */
import path from 'node:path';
import { CLASS, encodeTable, LAYOUT, MAX_PATTERN_CHUNKS, PATH_OPERATION, PATTERN_CELLS, SITE, VERDICT } from '@parapet/policy';
import type { Access, Table } from '@parapet/policy';
import { checked, isNull, openLibrary } from '../../agent/src/adapters/kernel/library.ts';
import type { Handle, KernelLibrary } from '../../agent/src/adapters/kernel/library.ts';
import { KernelMap, word } from '../../agent/src/adapters/kernel/map.ts';

const BUILD = path.join(import.meta.dirname, '../../bpf/build');
/** struct trial in bpf/trial.h */
const TRIAL = {
  size: 2104,
  table: 0,
  class: 4,
  op: 8,
  who: 12,
  detail: 16,
  path_len: 28,
  source_len: 32,
  verdict: 36,
  site: 40,
  node: 44,
  source: 48,
  source_class: 52,
  path: 56,
  source_path: 1080,
} as const;
const SLOT = 1;
const TERMINAL_SLOT = SLOT + 1;

export interface KernelAnswer {
  readonly verdict: keyof typeof VERDICT;
  readonly site: keyof typeof SITE;
  /** Relative to the table. */
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
    const chunk = this.#placeFor(table);
    const encoded = encodeTable(table, this.#nodeBase, { chunk, terminal: TERMINAL_SLOT });
    const nodes = this.#map('nodes', { keySize: LAYOUT.node_key.size, valueSize: LAYOUT.node.size });
    const sources = this.#map('node_sources', { keySize: LAYOUT.source_key.size, valueSize: LAYOUT.words.size });
    const flat = this.#map('source_flat', { keySize: LAYOUT.source_key.size, valueSize: LAYOUT.flat_rules.size });
    nodes.setAll(encoded.nodeKeys, encoded.nodeValues);
    sources.setAll(encoded.sourceKeys, encoded.sourceWords);
    flat.setAll(encoded.flatKeys, encoded.flatRules);
    const chunkKeys = Array.from({ length: encoded.patternCount }, (_, i) => word(chunk + i));
    this.#map('patterns', { keySize: 4, valueSize: PATTERN_CELLS * 2 }).setAll(Buffer.concat(chunkKeys), encoded.patternChunks);
    const hasTerminal = encoded.terminalTable.length > 0;
    const tables = this.#map('tables', { keySize: 4, valueSize: LAYOUT.table.size });
    tables.set(word(SLOT), encoded.table);
    if (hasTerminal) tables.set(word(TERMINAL_SLOT), encoded.terminalTable);
    accesses.forEach((access, i) => this.#trials.set(word(i), encodeTrial(access, hasTerminal)));
    const judged = this.#run('judge_trials', accesses.length);
    const answers = accesses.map((_, i) => this.#answer(i));
    nodes.deleteAll(encoded.nodeKeys);
    sources.deleteAll(encoded.sourceKeys);
    flat.deleteAll(encoded.flatKeys);
    this.#nodeBase += encoded.idCount;
    if (judged !== accesses.length) throw new Error(`the kernel judged ${judged} of ${accesses.length} accesses`);
    return answers;
  }

  /** Another run of chunks each time, now and then over the map's last ones. */
  #placeFor(table: Table): number {
    const { patternCount } = encodeTable(table, 0);
    this.#chunk = this.#chunk + 7 + patternCount < MAX_PATTERN_CHUNKS ? this.#chunk + 7 : 1;
    return this.#chunk;
  }

  /** Where the kernel's walk finds an open file of this process. */
  walk(descriptor: number): Walked {
    if (this.#run('walk_descriptor', descriptor) !== 0) throw new Error(`the kernel cannot walk descriptor ${descriptor}`);
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

  /** Runs a program with one argument; its return value. */
  #run(program: string, argument: number): number {
    const fd = checked(this.#library.bpf_program__fd(this.#library.bpf_object__find_program_by_name(this.#object, program)), program);
    const context = Buffer.alloc(8);
    context.writeBigUInt64LE(BigInt(argument));
    const options = Buffer.alloc(80) as Buffer & { writePointer(pointer: Buffer, offset: number): void };
    options.writeBigUInt64LE(80n, 0);
    options.writePointer(context, 32);
    options.writeUInt32LE(context.length, 48);
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
      node: node === 0 || site === 'pattern' ? node : node - this.#nodeBase,
      source: bytes.readUInt32LE(TRIAL.source),
    };
  }
}

function encodeTrial(access: Access, hasTerminal: boolean): Uint8Array {
  const bytes = Buffer.alloc(TRIAL.size);
  const terminal = hasTerminal && access.type !== 'capability' && access.terminal === true;
  bytes.writeUInt32LE(terminal ? TERMINAL_SLOT : SLOT, TRIAL.table);
  bytes.writeUInt32LE(bytes.write(access.source, TRIAL.source_path), TRIAL.source_len);
  if (access.type === 'path') {
    bytes.writeUInt32LE(access.operation === 'exec' ? CLASS.process : CLASS.file, TRIAL.class);
    bytes.writeUInt32LE(PATH_OPERATION[access.operation], TRIAL.op);
    bytes.writeUInt32LE(access.owner ? 0 : 1, TRIAL.who);
    bytes.writeUInt32LE(bytes.write(access.path, TRIAL.path, TRIAL.source_path - TRIAL.path), TRIAL.path_len);
    return bytes;
  }
  const isNetwork = access.type === 'network';
  bytes.writeUInt32LE(isNetwork ? CLASS.network : CLASS.capabilities, TRIAL.class);
  const detail = isNetwork ? [access.family, access.socketType, access.protocol] : [access.capability, 0, 0];
  detail.forEach((value, i) => bytes.writeUInt32LE(value, TRIAL.detail + i * 4));
  return bytes;
}

function nameOf<Name extends string>(names: Readonly<Record<Name, number>>, value: number): Name {
  const name = (Object.keys(names) as Name[]).find((key) => names[key] === value);
  if (name === undefined) throw new Error(`the kernel answered ${value}`);
  return name;
}

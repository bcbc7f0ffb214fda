/**
 * The kernel's own answers on this machine, without attaching anything: bpf/match_test.bpf.c run by BPF_PROG_TEST_RUN through the agent's
 * bridge. Needs root, and a kernel that runs raw tracepoint programs.
 */
import path from 'node:path';
import { encodeTable, LAYOUT, MAX_PATTERN_CHUNKS, PATTERN_CELLS, SITE, VERDICT } from '@parapet/policy';
import type { Access, Table } from '@parapet/policy';
import { checked, isNull, openLibrary } from '../../agent/src/adapters/kernel/library.ts';
import type { Handle, KernelLibrary } from '../../agent/src/adapters/kernel/library.ts';
import { InodeStore } from '../../agent/src/adapters/kernel/inodes.ts';
import { KernelMap, word } from '../../agent/src/adapters/kernel/map.ts';
import type { StoredTable } from '../../agent/src/adapters/kernel/tables.ts';
import { testRun, testRunOn } from './test-run.ts';
import { encodeTrial, fileOf, TRIAL } from './trial.ts';

const BUILD = path.join(import.meta.dirname, '../../bpf/build');
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
    this.#object = this.#library.parapet_load(path.join(BUILD, 'match_test.bpf.o'), '', null, error);
    if (isNull(this.#object))
      throw new Error(`the kernel refuses the matcher (${error.readInt32LE()}):\n${this.#library.parapet_messages()}`);
    this.#trials = this.#map('trials', { keySize: 4, valueSize: TRIAL.size });
  }

  /**
   * Puts the table in the kernel's maps, asks about every access, and takes it out again. `named`: the paths of files that the agent would look up; each
   * access is to a file of its own.
   */
  judge(table: Table, accesses: readonly Access[], named: readonly string[] = []): KernelAnswer[] {
    return this.#with(table, (stored) => {
      const files = new InodeStore(this.#map('inodes', { keySize: LAYOUT.inode_key.size, valueSize: LAYOUT.node.size }));
      accesses.forEach((access, i) => {
        const file = fileOf(access, { named, number: i + 1 });
        files.store({ table, stored, generation: i + 1, files: file.names });
        const hasTerminal = table.terminal !== undefined && 'terminal' in access && access.terminal === true;
        this.#trials.set(word(i), encodeTrial(access, { file, slot: hasTerminal ? TERMINAL_SLOT : SLOT }));
      });
      const judged = this.#run('judge_trials', accesses.length);
      if (judged !== accesses.length) throw new Error(`the kernel judged ${judged} of ${accesses.length} accesses`);
      accesses.forEach((_, i) => files.remove(i + 1));
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
      const result = testRunOn(this.#library, { object: this.#object, program: 'on_egress', frame });
      containers.set(word(0), new Uint8Array(LAYOUT.container.size));
      return (result & 1) === 1;
    });
  }

  /** The table in the kernel's maps, while something is asked. */
  #with<Result>(table: Table, ask: (stored: StoredTable) => Result): Result {
    const chunk = this.#placeFor(table);
    const encoded = encodeTable(table, this.#nodeBase, { chunk, terminal: TERMINAL_SLOT });
    const parts = [
      ['nodes', LAYOUT.node_key.size, LAYOUT.node.size, encoded.nodeKeys, encoded.nodeValues],
      ['node_sources', LAYOUT.source_key.size, LAYOUT.words.size, encoded.sourceKeys, encoded.sourceWords],
      ['source_flat', LAYOUT.source_key.size, LAYOUT.flat_rules.size, encoded.flatKeys, encoded.flatRules],
      ['syscall_sets', LAYOUT.source_key.size, LAYOUT.syscall_set.size, encoded.syscallKeys, encoded.syscallSets],
      ['argument_rules', LAYOUT.source_key.size, LAYOUT.argument_rules.size, encoded.argumentKeys, encoded.argumentRules],
      ['endpoints', LAYOUT.endpoint_key.size, LAYOUT.endpoint.size, encoded.endpointKeys, encoded.endpoints],
    ] as const;
    const maps = parts.map(([name, keySize, valueSize, keys, values]) => ({ map: this.#map(name, { keySize, valueSize }), keys, values }));
    for (const { map, keys, values } of maps) map.setAll(keys, values);
    const chunkKeys = Array.from({ length: encoded.patternCount }, (_, i) => word(chunk + i));
    this.#map('patterns', { keySize: 4, valueSize: PATTERN_CELLS * 2 }).setAll(Buffer.concat(chunkKeys), encoded.patternChunks);
    const tables = this.#map('tables', { keySize: 4, valueSize: LAYOUT.table.size });
    tables.set(word(SLOT), encoded.table);
    if (encoded.terminalTable.length > 0) tables.set(word(TERMINAL_SLOT), encoded.terminalTable);
    const answer = ask({
      slot: SLOT,
      hash: '',
      nodeBase: this.#nodeBase,
      terminalSlot: TERMINAL_SLOT,
      terminalBase: this.#nodeBase + encoded.ownIdCount,
      auditsSyscalls: false,
    });
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
    return testRun(this.#library, { object: this.#object, program, args: [argument] });
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

function nameOf<Name extends string>(names: Readonly<Record<Name, number>>, value: number): Name {
  const name = (Object.keys(names) as Name[]).find((key) => names[key] === value);
  if (name === undefined) throw new Error(`the kernel answered ${value}`);
  return name;
}

/** The kernel half of the agent: tables into maps, containers to tables, events out. docs/architecture.md tells the swap. */
import { COUNTERS, LAYOUT, MAX_CONTAINERS } from '@parapet/policy';
import type { Table } from '@parapet/policy';
import type { Enforcer, EnforcerSupport, InForce } from '../../ports.ts';
import { StageError } from '../../stage-error.ts';
import { Drain } from './drain.ts';
import { Slots } from './ids.ts';
import { checked, openLibrary } from './library.ts';
import type { KernelLibrary } from './library.ts';
import { longWord, readLongWord, readWord, word } from './map.ts';
import { probeKernel } from './probe.ts';
import { startPrograms } from './programs.ts';
import type { Programs } from './programs.ts';
import { TableStore } from './tables.ts';
import type { StoredTable } from './tables.ts';

export interface BpfOptions {
  /** Holds libparapet.so and the compiled objects: `bpf/build`. */
  readonly bpfDirectory: string;
  /** In a BPF file system. Default `/sys/fs/bpf/parapet`. */
  readonly pinDirectory?: string;
  /** What `probeKernel` found; default: probe again. */
  readonly support?: EnforcerSupport;
}

const HOST = 0n;
const ADOPT_ROUNDS = 5;

interface Entry {
  readonly index: number;
  generation: number;
  /** A table of this agent. */
  table: StoredTable | undefined;
  /** Slot of an earlier agent's table, 0 if none. */
  inherited: number;
}

/** Puts the programs in force and takes over what an earlier agent left. Throws a StageError when this kernel cannot enforce. */
export async function createBpfEnforcer(options: BpfOptions): Promise<Enforcer> {
  const support = options.support ?? (await probeKernel(options));
  if (support.enforcer !== 'BPF-LSM') {
    const why = support.problems.map(({ message, hint }) => (hint === undefined ? message : `${message} (${hint})`)).join('; ');
    throw new StageError(`this kernel cannot enforce: ${why}`, { stage: 'kernel', retry: false });
  }
  const library = openLibrary(options.bpfDirectory);
  const programs = await startPrograms(library, {
    bpfDirectory: options.bpfDirectory,
    pinDirectory: options.pinDirectory ?? '/sys/fs/bpf/parapet',
  });
  return new KernelEnforcer({ library, programs, support });
}

class KernelEnforcer implements Enforcer {
  readonly support: EnforcerSupport;
  readonly #library: KernelLibrary;
  readonly #programs: Programs;
  readonly #tables: TableStore;
  readonly #drain: Drain;
  /** By cgroup. */
  readonly #entries = new Map<bigint, Entry>();
  /** Containers without a cgroup whose rules stay in force: some of their tasks live on elsewhere. */
  readonly #leftovers = new Set<Entry>();
  readonly #indices: Slots;
  /** Cgroups of an earlier agent that nobody has asked for yet. */
  readonly #unclaimed = new Set<bigint>();
  #generation: number;
  #queue: Promise<unknown> = Promise.resolve();

  constructor({ library, programs, support }: { library: KernelLibrary; programs: Programs; support: EnforcerSupport }) {
    this.support = support;
    this.#library = library;
    this.#programs = programs;
    const { entries, generation } = this.#inherit();
    this.#generation = generation;
    this.#indices = new Slots(
      MAX_CONTAINERS,
      entries.map(({ index }) => index),
    );
    this.#tables = new TableStore(
      programs.maps,
      entries.map(({ inherited }) => inherited).filter((slot) => slot !== 0),
    );
    this.#drain = new Drain(library, programs.maps.events.fd);
  }

  enforce(cgroup: bigint, table: Table | undefined): Promise<InForce> {
    return this.#inTurn(() => this.#enforce(cgroup, table));
  }

  release(cgroup: bigint): Promise<void> {
    return this.#inTurn(() => this.#release(cgroup));
  }

  settle(): Promise<void> {
    return this.#inTurn(async () => {
      for (const cgroup of [...this.#unclaimed]) await this.#release(cgroup);
      await this.#barrier();
      this.#tables.purge();
    });
  }

  onEvents(handler: Parameters<Enforcer['onEvents']>[0]): void {
    this.#drain.deliverTo(handler);
  }

  counters(): Readonly<Record<string, number>> {
    const cpus = checked(this.#library.libbpf_num_possible_cpus(), 'counting processors');
    return Object.fromEntries(COUNTERS.map((name, index) => [name, this.#counter(index, cpus)]));
  }

  close({ keep }: { readonly keep: boolean }): Promise<void> {
    return this.#inTurn(async () => {
      this.#drain.close();
      try {
        if (!keep) await this.#remove();
      } finally {
        this.#programs.unlock();
      }
    });
  }

  /** The kernel detaches programs some time after their pins are gone: rules are lifted first. */
  async #remove(): Promise<void> {
    for (const { index } of [...this.#entries.values(), ...this.#leftovers]) this.#lift(index);
    await this.#barrier();
    await this.#programs.remove();
  }

  /** One change at a time: a swap has several steps. */
  #inTurn<T>(change: () => Promise<T>): Promise<T> {
    const result = this.#queue.then(change);
    this.#queue = result.catch(() => undefined);
    return result;
  }

  async #enforce(cgroup: bigint, table: Table | undefined): Promise<InForce> {
    this.#unclaimed.delete(cgroup);
    const known = this.#entries.get(cgroup);
    if (known !== undefined && this.#isInForce(known, table)) return inForce(known);
    const entry = known ?? this.#newEntry(cgroup);
    const { table: oldTable, inherited: oldSlot } = entry;
    this.#install(cgroup, { entry, table, isNew: known === undefined });
    await this.#barrier();
    if (oldTable !== undefined) this.#tables.release(oldTable);
    if (oldSlot !== 0) this.#tables.releaseInherited(oldSlot);
    await this.#sweep();
    return inForce(entry);
  }

  /** Stores the table and points the container to it; when the kernel has no room, nothing has changed. */
  #install(cgroup: bigint, { entry, table, isNew }: { entry: Entry; table: Table | undefined; isNew: boolean }): void {
    let stored: StoredTable | undefined;
    try {
      stored = table === undefined ? undefined : this.#tables.acquire(table);
      this.#generation = (this.#generation % 0xffff_ffff) + 1;
      const next = { generation: this.#generation, table: stored, inherited: 0 };
      this.#flip(entry.index, next);
      if (isNew && cgroup !== HOST) this.#programs.maps.cgroups.set(longWord(cgroup), word(entry.index));
      Object.assign(entry, next);
      this.#entries.set(cgroup, entry);
    } catch (cause) {
      if (stored !== undefined) this.#tables.release(stored);
      if (isNew) this.#indices.free(entry.index);
      throw cause;
    }
    if (isNew && cgroup !== HOST) this.#adopt();
  }

  #isInForce(entry: Entry, table: Table | undefined): boolean {
    if (entry.inherited !== 0) return false;
    return entry.table?.hash === (table === undefined ? undefined : TableStore.hashOf(table));
  }

  #newEntry(cgroup: bigint): Entry {
    if (cgroup === HOST) return { index: 0, generation: 0, table: undefined, inherited: 0 };
    const index = this.#indices.take();
    if (index === undefined) throw new StageError('the kernel knows as many containers as it can', { stage: 'kernel', retry: true });
    return { index, generation: 0, table: undefined, inherited: 0 };
  }

  #flip(index: number, to: { generation: number; table: StoredTable | undefined }): void {
    const bytes = new Uint8Array(LAYOUT.container.size);
    const view = new DataView(bytes.buffer);
    view.setUint32(LAYOUT.container.table, to.table?.slot ?? 0, true);
    view.setUint32(LAYOUT.container.generation, to.generation, true);
    this.#programs.maps.containers.set(word(index), bytes);
  }

  /** Labels the tasks that are in a known cgroup; again while there are new ones, which may have been forked meanwhile. */
  #adopt(): void {
    for (let round = 0; round < ADOPT_ROUNDS; round += 1) {
      if (checked(this.#library.parapet_iterate(this.#programs.adopt), 'labelling tasks') === 0) return;
    }
  }

  async #release(cgroup: bigint): Promise<void> {
    this.#unclaimed.delete(cgroup);
    const entry = this.#entries.get(cgroup);
    if (entry === undefined) return;
    this.#entries.delete(cgroup);
    if (cgroup !== HOST) this.#programs.maps.cgroups.delete(longWord(cgroup));
    this.#leftovers.add(entry);
    await this.#sweep();
  }

  /** Lifts the rules of containers that have neither a cgroup nor a task. */
  async #sweep(): Promise<void> {
    if (this.#leftovers.size === 0) return;
    const alive = new Set<number>();
    for (const { value } of this.#programs.maps.labels.entries()) alive.add(readWord(value, LAYOUT.label.container));
    const gone = [...this.#leftovers].filter(({ index }) => !alive.has(index));
    if (gone.length === 0) return;
    for (const { index } of gone) this.#lift(index);
    await this.#barrier();
    for (const entry of gone) {
      this.#leftovers.delete(entry);
      if (entry.table !== undefined) this.#tables.release(entry.table);
      if (entry.inherited !== 0) this.#tables.releaseInherited(entry.inherited);
      this.#indices.free(entry.index);
    }
  }

  #lift(index: number): void {
    this.#programs.maps.containers.set(word(index), new Uint8Array(LAYOUT.container.size));
  }

  /** Resolves when every kernel program that was running has ended. */
  #barrier(): Promise<void> {
    const { barrier, barrier_value } = this.#programs.maps;
    return barrier.setSlowly(word(0), word(barrier_value.fd));
  }

  /** Containers that an earlier agent left in the kernel. */
  #inherit(): { entries: Entry[]; generation: number } {
    const byIndex = new Map<number, Entry>();
    let generation = 0;
    for (const { key, value } of this.#programs.maps.containers.entries()) {
      const entry = {
        index: readWord(key),
        generation: readWord(value, LAYOUT.container.generation),
        table: undefined,
        inherited: readWord(value),
      };
      generation = Math.max(generation, entry.generation);
      if (entry.generation !== 0) byIndex.set(entry.index, entry);
    }
    for (const { key, value } of this.#programs.maps.cgroups.entries()) {
      const index = readWord(value);
      const entry = byIndex.get(index) ?? { index, generation: 0, table: undefined, inherited: 0 };
      byIndex.set(index, entry);
      this.#entries.set(readLongWord(key), entry);
    }
    const host = byIndex.get(0);
    if (host !== undefined) this.#entries.set(HOST, host);
    for (const cgroup of this.#entries.keys()) this.#unclaimed.add(cgroup);
    const claimed = new Set(this.#entries.values());
    for (const entry of byIndex.values()) if (!claimed.has(entry)) this.#leftovers.add(entry);
    return { entries: [...byIndex.values()], generation };
  }

  #counter(index: number, cpus: number): number {
    const values = Buffer.alloc(cpus * 8);
    checked(this.#library.bpf_map_lookup_elem(this.#programs.maps.counters.fd, word(index), values), 'reading counters');
    let sum = 0n;
    for (let cpu = 0; cpu < cpus; cpu += 1) sum += values.readBigUInt64LE(cpu * 8);
    return Number(sum);
  }
}

function inForce(entry: Entry): InForce {
  return {
    container: entry.index,
    generation: entry.generation,
    tableHash: entry.table?.hash ?? '',
    nodeBase: entry.table?.nodeBase ?? 0,
  };
}

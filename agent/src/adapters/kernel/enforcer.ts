/** The kernel half of the agent: tables into maps, containers to tables, events out. docs/architecture.md tells the swap. */
import { COUNTERS, LAYOUT, MAX_CONTAINERS } from '@parapet/policy';
import type { Table } from '@parapet/policy';
import type { Enforcer, EnforcerSupport, Granted, InForce, Wish } from '../../ports.ts';
import { StageError } from '../../stage-error.ts';
import { containerWord, HOST, inForceOf, readInheritance } from './containers.ts';
import type { Entry } from './containers.ts';
import { Drain } from './drain.ts';
import { Slots } from './ids.ts';
import { checked, openLibrary } from './library.ts';
import type { KernelLibrary } from './library.ts';
import { longWord, readWord, storeEach, word } from './map.ts';
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

const ADOPT_ROUNDS = 5;
const NOTHING = { generation: 0, table: undefined, inherited: 0 };

/** One wish on its way. */
interface Step {
  readonly cgroup: bigint;
  readonly entry?: Entry;
  /** What its container is to be turned to; absent where that is in force already. */
  readonly next?: Pick<Entry, 'generation' | 'table' | 'inherited'>;
  error?: unknown;
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

/** The enforcer over programs that are in force; `createBpfEnforcer` puts them there. */
export class KernelEnforcer implements Enforcer {
  readonly support: EnforcerSupport;
  readonly #library: KernelLibrary;
  readonly #programs: Programs;
  readonly #tables: TableStore;
  readonly #drain: Drain;
  /** By cgroup. */
  readonly #entries: Map<bigint, Entry>;
  /** Containers without a cgroup whose rules stay in force: some of their tasks live on elsewhere. */
  readonly #leftovers: Set<Entry>;
  readonly #indices: Slots;
  /** Cgroups of an earlier agent that nobody has asked for yet. */
  readonly #unclaimed: Set<bigint>;
  /** Tables (of an earlier agent: their slots) that nobody is turned to any more, to be deleted after the next barrier. */
  readonly #retired: (StoredTable | number)[] = [];
  /** There are cgroups whose tasks have not been labelled. */
  #unadopted = false;
  #generation: number;
  #queue: Promise<unknown> = Promise.resolve();

  constructor({ library, programs, support }: { library: KernelLibrary; programs: Programs; support: EnforcerSupport }) {
    this.support = support;
    this.#library = library;
    this.#programs = programs;
    const { entries, byCgroup, leftovers, generation } = readInheritance(programs.maps);
    this.#entries = new Map(byCgroup);
    this.#unclaimed = new Set(byCgroup.keys());
    this.#leftovers = new Set(leftovers);
    this.#generation = generation;
    this.#indices = new Slots(
      MAX_CONTAINERS,
      entries.map(({ index }) => index),
    );
    this.#tables = new TableStore(
      programs.maps,
      entries.map(({ inherited }) => inherited).filter((slot) => slot !== 0),
    );
    if (this.#tables.auditsSyscalls()) programs.sysEnter.attach();
    this.#drain = new Drain(library, programs.maps.events.fd);
  }

  enforceAll(wishes: readonly Wish[]): Promise<readonly Granted[]> {
    return this.#inTurn(() => this.#enforceAll(wishes));
  }

  async enforce(cgroup: bigint, table: Table | undefined): Promise<InForce> {
    const [granted] = await this.enforceAll([{ cgroup, table }]);
    if (granted === undefined || 'error' in granted) throw granted?.error;
    return granted.inForce;
  }

  release(...cgroups: readonly bigint[]): Promise<void> {
    return this.#inTurn(() => this.#release(cgroups));
  }

  settle(): Promise<void> {
    return this.#inTurn(async () => {
      await this.#release([...this.#unclaimed]);
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

  async #enforceAll(wishes: readonly Wish[]): Promise<readonly Granted[]> {
    this.#tables.storeAll(wishes.flatMap(({ table }) => table ?? []));
    const steps = wishes.map((wish) => this.#prepare(wish));
    this.#tables.discard();
    this.#flip(steps.filter(({ next }) => next !== undefined));
    if (this.#unadopted) this.#adopt();
    if (this.#retired.length > 0) await this.#retire();
    await this.#sweep();
    this.#detachUnused();
    return steps.map(({ entry, error }) => (entry === undefined || error !== undefined ? { error } : { inForce: inForceOf(entry) }));
  }

  /** Stores the table of a wish, and finds the container's place. What there is no room for is noted as the wish's error. */
  #prepare({ cgroup, table }: Wish): Step {
    this.#unclaimed.delete(cgroup);
    const known = this.#entries.get(cgroup);
    let stored: StoredTable | undefined;
    try {
      if (known !== undefined && this.#isInForce(known, table)) return { cgroup, entry: known };
      stored = table === undefined ? undefined : this.#tables.acquire(table);
      if (this.#tables.auditsSyscalls()) this.#programs.sysEnter.attach();
      const entry = known ?? this.#newEntry(cgroup);
      this.#generation = (this.#generation % 0xffff_ffff) + 1;
      return { cgroup, entry, next: { generation: this.#generation, table: stored, inherited: 0 } };
    } catch (error) {
      if (stored !== undefined) this.#retired.push(stored);
      return { cgroup, error };
    }
  }

  /** Turns every container to its new table at once, then makes the new ones known by their cgroups. */
  #flip(steps: readonly Step[]): void {
    const { containers, cgroups } = this.#programs.maps;
    storeEach(containers, steps, ({ entry, next }) => [word(entry?.index ?? 0), containerWord(next ?? NOTHING)]);
    const fresh = steps.filter(({ cgroup, error }) => error === undefined && cgroup !== HOST && !this.#entries.has(cgroup));
    storeEach(cgroups, fresh, ({ cgroup, entry }) => [longWord(cgroup), word(entry?.index ?? 0)]);
    for (const { cgroup, entry, next, error } of steps) {
      if (entry === undefined || next === undefined) continue;
      const isNew = cgroup !== HOST && !this.#entries.has(cgroup);
      if (error !== undefined) {
        if (next.table !== undefined) this.#retired.push(next.table);
        if (isNew) this.#withdraw(entry);
        continue;
      }
      this.#unadopted ||= isNew;
      if (entry.table !== undefined) this.#retired.push(entry.table);
      if (entry.inherited !== 0) this.#retired.push(entry.inherited);
      this.#entries.set(cgroup, Object.assign(entry, next));
    }
  }

  /** Forgets a new container that no cgroup leads to: no task can have been told that it is in it. */
  #withdraw({ index }: Entry): void {
    this.#lift(index);
    this.#indices.free(index);
  }

  /** Deletes the tables that nobody is turned to any more. */
  async #retire(): Promise<void> {
    await this.#barrier();
    const retired = this.#retired.splice(0);
    this.#tables.release(...retired.filter((table) => typeof table !== 'number'));
    for (const slot of retired) if (typeof slot === 'number') this.#tables.releaseInherited(slot);
  }

  #isInForce(entry: Entry, table: Table | undefined): boolean {
    if (entry.inherited !== 0) return false;
    return entry.table?.hash === (table === undefined ? undefined : TableStore.hashOf(table));
  }

  #newEntry(cgroup: bigint): Entry {
    if (cgroup === HOST) return { index: 0, ...NOTHING };
    const index = this.#indices.take();
    if (index === undefined) throw new StageError('the kernel knows as many containers as it can', { stage: 'kernel', retry: true });
    return { index, ...NOTHING };
  }

  /** Labels the tasks that are in a known cgroup; again while there are new ones, which may have been forked meanwhile. */
  #adopt(): void {
    for (let round = 0; round < ADOPT_ROUNDS; round += 1) {
      if (checked(this.#library.parapet_iterate(this.#programs.adopt), 'labelling tasks') === 0) break;
    }
    this.#unadopted = false;
  }

  async #release(cgroups: readonly bigint[]): Promise<void> {
    const known = cgroups.filter((cgroup) => this.#entries.has(cgroup) && cgroup !== HOST);
    if (known.length > 0) this.#programs.maps.cgroups.deleteAll(Buffer.concat(known.map(longWord)));
    for (const cgroup of cgroups) {
      const entry = this.#entries.get(cgroup);
      this.#unclaimed.delete(cgroup);
      this.#entries.delete(cgroup);
      if (entry !== undefined) this.#leftovers.add(entry);
    }
    await this.#sweep();
    this.#detachUnused();
  }

  #detachUnused(): void {
    const { sysEnter } = this.#programs;
    if (sysEnter.attached && !this.#tables.auditsSyscalls()) sysEnter.detach();
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

  #counter(index: number, cpus: number): number {
    const values = Buffer.alloc(cpus * 8);
    checked(this.#library.bpf_map_lookup_elem(this.#programs.maps.counters.fd, word(index), values), 'reading counters');
    let sum = 0n;
    for (let cpu = 0; cpu < cpus; cpu += 1) sum += values.readBigUInt64LE(cpu * 8);
    return Number(sum);
  }
}

/** The kernel half of the agent: tables into maps, containers to tables, events out. docs/architecture.md tells the swap. */
import { LAYOUT, MAX_CONTAINERS } from '@parapet/policy';
import type { Table } from '@parapet/policy';
import type { Enforcer, EnforcerSupport, Gate, Granted, InForce, Wish } from '../../ports.ts';
import { StageError } from '../../stage-error.ts';
import { passBarrier } from './barrier.ts';
import { containerWord, HOST, inForceOf, readInheritance } from './containers.ts';
import type { Entry } from './containers.ts';
import { readCounters } from './counters.ts';
import { Drain } from './drain.ts';
import { KernelGate } from './gate.ts';
import { Slots } from './ids.ts';
import { InodeStore } from './inodes.ts';
import { Leftovers } from './leftovers.ts';
import { checked } from './library.ts';
import type { KernelLibrary } from './library.ts';
import { giveBackMemory } from './memory.ts';
import { longWord, storeEach, word } from './map.ts';
import type { Programs } from './programs.ts';
import { TableStore } from './tables.ts';
import type { StoredTable } from './tables.ts';
import { Watch } from './watch.ts';

const ADOPT_ROUNDS = 5;
const NOTHING = { generation: 0, table: undefined, inherited: 0 };

/** One wish on its way. */
interface Step {
  readonly cgroup: bigint;
  readonly entry?: Entry;
  /** What its container is to be turned to; absent where that is in force already. */
  readonly next?: Pick<Entry, 'generation' | 'table' | 'inherited' | 'files'>;
  error?: unknown;
}

interface EnforcerParts {
  readonly library: KernelLibrary;
  readonly programs: Programs;
  readonly support: EnforcerSupport;
  readonly bpfDirectory: string;
}

/** The enforcer over programs that are in force; `createBpfEnforcer` puts them there. */
export class KernelEnforcer implements Enforcer {
  readonly support: EnforcerSupport;
  readonly gate: Gate;
  readonly #library: KernelLibrary;
  readonly #programs: Programs;
  readonly #tables: TableStore;
  readonly #inodes: InodeStore;
  readonly #drain: Drain;
  readonly #watch: Watch;
  /** By cgroup. */
  readonly #entries: Map<bigint, Entry>;
  readonly #leftovers: Leftovers;
  readonly #indices: Slots;
  /** Cgroups of an earlier agent that nobody has asked for yet. */
  readonly #unclaimed: Set<bigint>;
  /** Tables (of an earlier agent: their slots) that nobody is turned to any more, to be deleted after the next barrier. */
  readonly #retired: (StoredTable | number)[] = [];
  /** Generations that nobody is turned to any more, likewise. */
  readonly #outdated: number[] = [];
  /** There are cgroups whose tasks have not been labelled. */
  #unadopted = false;
  #generation: number;
  #queue: Promise<unknown> = Promise.resolve();

  constructor({ library, programs, support, bpfDirectory }: EnforcerParts) {
    this.support = support;
    this.#library = library;
    this.#programs = programs;
    const { entries, byCgroup, leftovers, generation } = readInheritance(programs.maps);
    this.#entries = new Map(byCgroup);
    this.#unclaimed = new Set(byCgroup.keys());
    this.#leftovers = new Leftovers(programs.maps, leftovers);
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
    this.#inodes = new InodeStore(programs.maps.inodes);
    const { events, counters, tallies, tallies_a, tallies_b } = programs.maps;
    const maps = { events: events.fd, counters: counters.fd, tallies: tallies.fd, talliesA: tallies_a.fd, talliesB: tallies_b.fd };
    this.#drain = new Drain({ bpfDirectory, maps });
    this.#watch = new Watch({ bpfDirectory, maps: programs.pins });
    this.gate = new KernelGate({
      library,
      maps: programs.maps,
      isKnown: (cgroup) => this.#entries.has(cgroup) && !this.#unclaimed.has(cgroup),
      watch: () => this.#watch.ensure(),
    });
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
      this.#inodes.purge(new Set([...this.#entries.values(), ...this.#leftovers].map(({ generation }) => generation)));
    });
  }

  takeOver(): Promise<readonly string[]> {
    return this.#inTurn(() => this.#programs.takeOver((cgroup) => this.#entries.get(cgroup)?.index));
  }

  onEvents(handler: Parameters<Enforcer['onEvents']>[0]): void {
    this.#drain.deliverTo(handler);
  }

  counters(): Readonly<Record<string, number>> {
    const { counters, own } = this.#programs.maps;
    return { ...readCounters(this.#library, counters.fd), runsMissed: this.#library.parapet_missed_runs(own.fd) };
  }

  giveBack(): void {
    this.#drain.giveBack();
    giveBackMemory(this.#library);
  }

  close({ keep }: { readonly keep: boolean }): Promise<void> {
    return this.#inTurn(async () => {
      await this.#drain.close();
      this.#watch.leave();
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
  #prepare({ cgroup, table, files }: Wish): Step {
    this.#unclaimed.delete(cgroup);
    const known = this.#entries.get(cgroup);
    let stored: StoredTable | undefined;
    try {
      if (known !== undefined && known.files === files && this.#isInForce(known, table)) return { cgroup, entry: known };
      stored = table === undefined ? undefined : this.#tables.acquire(table);
      if (stored?.auditsSyscalls === true) this.#programs.sysEnter.attach();
      const entry = known ?? this.#newEntry(cgroup);
      this.#generation = (this.#generation % 0xffff_ffff) + 1;
      const generation = this.#generation;
      if (table !== undefined && stored !== undefined && files !== undefined) this.#inodes.store({ table, stored, generation, files });
      return { cgroup, entry, next: { generation, table: stored, inherited: 0, files } };
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
        this.#outdated.push(next.generation);
        if (next.table !== undefined) this.#retired.push(next.table);
        if (isNew) this.#withdraw(entry);
        continue;
      }
      this.#unadopted ||= isNew;
      this.#outdated.push(entry.generation);
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
    for (const generation of this.#outdated.splice(0)) this.#inodes.remove(generation);
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
    const gone = await this.#leftovers.takeGone(() => this.#barrier());
    if (gone.length === 0) return;
    for (const { index } of gone) this.#lift(index);
    await this.#barrier();
    for (const entry of gone) {
      this.#inodes.remove(entry.generation);
      if (entry.table !== undefined) this.#tables.release(entry.table);
      if (entry.inherited !== 0) this.#tables.releaseInherited(entry.inherited);
      this.#indices.free(entry.index);
    }
  }

  #lift(index: number): void {
    this.#programs.maps.containers.set(word(index), new Uint8Array(LAYOUT.container.size));
  }

  #barrier(): Promise<void> {
    return passBarrier(this.#programs.maps);
  }
}

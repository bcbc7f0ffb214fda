/**
 * What should be in force for every cgroup of this node, and bringing the kernel there: all cgroups at once, the newest wish only, new
 * containers first. What fails leaves the old table in force, says why and is tried again.
 */
import type { Policy, Postures, Table, Workload } from '@parapet/policy';
import { compile, formatProblem } from '@parapet/policy';
import type { Origin } from './explain.ts';
import type { Container, Enforcer, Granted, InForce } from './ports.ts';
import { selectPolicies } from './select.ts';
import { reasonOf } from './stage-error.ts';

/** A cgroup of this node, or the node itself. */
export interface Unit {
  readonly cgroup: bigint;
  /** Several only when they share a cgroup; none for the node. */
  readonly containers: readonly Container[];
  readonly workloads: readonly Workload[];
  /** The policies that should be in force. */
  readonly wanted: readonly Policy[];
  /** Those that are. */
  readonly held: readonly Policy[];
  readonly inForce: InForce | undefined;
  /** Why `wanted` cannot be in force; the table before it stays. */
  readonly problem: string | undefined;
}

/** Policies that some units have in common: selected, compiled and encoded once for all of them. */
interface Group {
  readonly policies: readonly Policy[];
  compiled: ReturnType<typeof compile> | undefined;
}

interface Entry extends Unit {
  containers: readonly Container[];
  workloads: readonly Workload[];
  wanted: readonly Policy[];
  /** Whose policies are `wanted`; undefined until they are selected. */
  group: Group | undefined;
  held: readonly Policy[];
  inForce: InForce | undefined;
  problem: string | undefined;
  table: Table | undefined;
  /** Something is to be done. */
  dirty: boolean;
  /** What is to be done is to let it go. */
  gone: boolean;
  failures: number;
  retry: NodeJS.Timeout | undefined;
}

export interface EnforcementOptions {
  readonly enforcer: Enforcer;
  readonly host: Workload;
  readonly postures: Postures;
  /** Called whenever something of `units` changed. */
  readonly onChange: () => void;
  /** Called when a table is in force, before anything else is done. */
  readonly onInForce: (inForce: InForce, origin: Origin) => void;
  /** Milliseconds before the first retry; each next one waits twice as long, up to half a minute. Default 1000. */
  readonly retryAfter?: number;
}

const LONGEST_RETRY = 30_000;

export class Enforcement {
  readonly #options: EnforcementOptions;
  readonly #units = new Map<bigint, Entry>();
  #policies: readonly Policy[] | undefined;
  /** By the numbers of their policies. */
  #groups = new Map<string, Group>();
  #numbers = new Map<Policy, number>();
  #count = 0;
  #working: Promise<void> | undefined;
  #closed = false;

  constructor(options: EnforcementOptions) {
    this.#options = options;
    this.#units.set(0n, newEntry(0n, { containers: [], workloads: [options.host] }));
  }

  /** The node itself, then containers in the order in which they were found. */
  get units(): readonly Unit[] {
    return [...this.#units.values()].filter(({ gone }) => !gone);
  }

  /** Until the first call nothing is done, so that what an earlier agent left in force stays until its policies are known. */
  setPolicies(policies: readonly Policy[]): void {
    const added = policies.filter((policy) => !this.#numbers.has(policy));
    this.#policies = policies;
    this.#numbers = new Map(policies.map((policy) => [policy, this.#numbers.get(policy) ?? (this.#count += 1)]));
    this.#groups = new Map();
    for (const { group } of this.#units.values()) if (group !== undefined && this.#isCurrent(group)) this.#regroup(group);
    const successors = new Map<Group | undefined, Map<string, Group>>();
    for (const unit of this.#units.values()) this.#want(unit, this.#successor(unit, { added, successors }));
    this.#work();
  }

  /** The containers that there are now; those that are missing are let go. */
  setContainers(containers: readonly Container[]): void {
    const byCgroup = groupByCgroup(containers);
    for (const [cgroup, unit] of this.#units) {
      if (cgroup !== 0n && !unit.gone && !byCgroup.has(cgroup)) Object.assign(unit, { gone: true, dirty: true });
    }
    for (const [cgroup, sharing] of byCgroup) {
      const parts = { containers: sharing, workloads: sharing.map(({ workload }) => workload) };
      const old = this.#units.get(cgroup);
      if (old !== undefined && !old.gone && isSame(old.containers, sharing)) continue;
      const unit = old ?? newEntry(cgroup, parts);
      this.#units.set(cgroup, unit);
      Object.assign(unit, parts, unit.gone ? { gone: false, dirty: true } : {});
      this.#tell(unit);
      if (this.#policies !== undefined) this.#want(unit, this.#groupOf(selectPolicies(this.#policies, unit.workloads)));
    }
    this.#work();
  }

  /** Resolves when everything that is wanted now has been tried. */
  async idle(): Promise<void> {
    while (this.#working !== undefined) await this.#working;
  }

  /** Stops trying; what is in force stays. */
  async close(): Promise<void> {
    this.#closed = true;
    for (const unit of this.#units.values()) clearTimeout(unit.retry);
    await this.idle();
  }

  #want(unit: Entry, group: Group): void {
    const same = isSame(group.policies, unit.wanted);
    unit.group = group;
    unit.wanted = group.policies;
    // The same wish that failed waits for its next try.
    if (same && (unit.inForce !== undefined || unit.problem !== undefined)) return;
    unit.failures = 0;
    unit.dirty = true;
  }

  /** The group that a unit is in from now on. Units of one group that the same new policies select stay together. */
  #successor(unit: Entry, change: { added: readonly Policy[]; successors: Map<Group | undefined, Map<string, Group>> }): Group {
    const selected = selectPolicies(change.added, unit.workloads);
    const key = this.#keyOf(selected);
    const known = change.successors.get(unit.group) ?? new Map<string, Group>();
    change.successors.set(unit.group, known);
    let group = known.get(key);
    if (group === undefined) {
      const chosen = new Set([...unit.wanted, ...selected]);
      group = this.#groupOf((this.#policies ?? []).filter((policy) => chosen.has(policy)));
      known.set(key, group);
    }
    return group;
  }

  #groupOf(policies: readonly Policy[]): Group {
    const key = this.#keyOf(policies);
    const group = this.#groups.get(key) ?? { policies, compiled: undefined };
    this.#groups.set(key, group);
    return group;
  }

  #isCurrent({ policies }: Group): boolean {
    return policies.every((policy) => this.#numbers.has(policy));
  }

  #regroup(group: Group): void {
    this.#groups.set(this.#keyOf(group.policies), group);
  }

  #keyOf(policies: readonly Policy[]): string {
    return policies.map((policy) => this.#numbers.get(policy) ?? 0).join(',');
  }

  #work(): void {
    if (this.#working !== undefined || this.#closed || this.#policies === undefined) return;
    this.#working = this.#drain().finally(() => {
      this.#working = undefined;
      if (this.#next().length > 0) this.#work();
    });
  }

  async #drain(): Promise<void> {
    for (let units = this.#next(); units.length > 0; units = this.#next()) {
      const gone = units.filter((unit) => unit.gone);
      if (gone.length > 0) await this.#release(gone);
      else await this.#enforce(units);
      this.#options.onChange();
    }
  }

  /** What is to be done in one go. Containers that have no table yet come first: their first programs may be about to run. */
  #next(): readonly Entry[] {
    if (this.#closed) return [];
    const dirty = [...this.#units.values()].filter((unit) => unit.dirty);
    const living = dirty.filter(({ gone }) => !gone);
    const fresh = living.filter(({ inForce, cgroup }) => inForce === undefined && cgroup !== 0n);
    return [fresh, living, dirty].find(({ length }) => length > 0) ?? [];
  }

  async #enforce(units: readonly Entry[]): Promise<void> {
    const wishes = units.flatMap((unit) => this.#wishOf(unit));
    if (wishes.length === 0) return;
    let granted: readonly Granted[];
    try {
      granted = await this.#options.enforcer.enforceAll(wishes.map(({ unit, table }) => ({ cgroup: unit.cgroup, table })));
    } catch (error) {
      granted = wishes.map(() => ({ error }));
    }
    wishes.forEach(({ unit, table, wanted }, at) => {
      const answer = granted[at] ?? { error: new Error('the kernel did not answer') };
      if ('error' in answer) {
        unit.problem = `the kernel refused the table: ${reasonOf(answer.error)}`;
        this.#retry(unit);
        return;
      }
      Object.assign(unit, { inForce: answer.inForce, table, held: wanted, problem: undefined, failures: 0 });
      this.#tell(unit);
    });
  }

  /** What to ask of the kernel for a unit; nothing where its policies cannot be compiled. */
  #wishOf(unit: Entry): readonly { unit: Entry; table: Table | undefined; wanted: readonly Policy[] }[] {
    clearTimeout(unit.retry);
    unit.dirty = false;
    const { wanted, group = this.#groupOf(wanted) } = unit;
    group.compiled ??= compile(wanted, this.#options.postures);
    const { table, problems } = group.compiled;
    const errors = problems.filter(({ severity }) => severity === 'error');
    if (errors.length === 0) return [{ unit, table, wanted }];
    unit.problem = errors.map(formatProblem).join('; ');
    return [];
  }

  async #release(units: readonly Entry[]): Promise<void> {
    for (const unit of units) {
      clearTimeout(unit.retry);
      unit.dirty = false;
    }
    try {
      await this.#options.enforcer.release(...units.map(({ cgroup }) => cgroup));
      for (const unit of units) {
        // Unless it came back meanwhile: then it is dirty again, and starts as a new one.
        Object.assign(unit, { inForce: undefined, table: undefined, held: [] });
        if (unit.gone) this.#units.delete(unit.cgroup);
      }
    } catch (error) {
      for (const unit of units) {
        unit.problem = `the kernel did not let it go: ${reasonOf(error)}`;
        this.#retry(unit);
      }
    }
  }

  #retry(unit: Entry): void {
    const first = this.#options.retryAfter ?? 1000;
    const pause = Math.min(LONGEST_RETRY, first * 2 ** unit.failures);
    unit.failures += 1;
    unit.retry = setTimeout(() => {
      unit.dirty = true;
      this.#work();
    }, pause);
    unit.retry.unref();
  }

  /** Who the table's events belong to; told again when the container's labels change. */
  #tell({ inForce, table, containers }: Entry): void {
    if (inForce !== undefined && table !== undefined)
      this.#options.onInForce(inForce, { container: containers[0], table, nodeBase: inForce.nodeBase });
  }
}

function isSame<Item>(a: readonly Item[], b: readonly Item[]): boolean {
  return a.length === b.length && a.every((item, at) => item === b[at]);
}

function groupByCgroup(containers: readonly Container[]): Map<bigint, readonly Container[]> {
  const groups = new Map<bigint, readonly Container[]>();
  for (const container of containers) {
    if (container.unconfinable === undefined) groups.set(container.cgroup, [...(groups.get(container.cgroup) ?? []), container]);
  }
  return groups;
}

function newEntry(cgroup: bigint, parts: Pick<Unit, 'containers' | 'workloads'>): Entry {
  return {
    ...parts,
    cgroup,
    wanted: [],
    group: undefined,
    held: [],
    inForce: undefined,
    table: undefined,
    problem: undefined,
    dirty: true,
    gone: false,
    failures: 0,
    retry: undefined,
  };
}

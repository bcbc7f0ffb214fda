/**
 * What should be in force for every cgroup of this node, and bringing the kernel there: one cgroup at a time, the newest wish only, new
 * containers first. What fails leaves the old table in force, says why and is tried again.
 */
import type { Policy, Postures, Problem, Table, Workload } from '@parapet/policy';
import { compile, formatProblem } from '@parapet/policy';
import type { Origin } from './explain.ts';
import type { Container, Enforcer, InForce } from './ports.ts';
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

interface Entry extends Unit {
  containers: readonly Container[];
  workloads: readonly Workload[];
  wanted: readonly Policy[];
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
  #compiled = new Map<string, ReturnType<typeof compile>>();
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
    this.#policies = policies;
    this.#compiled = new Map();
    this.#numbers = new Map(policies.map((policy) => [policy, this.#numbers.get(policy) ?? (this.#count += 1)]));
    for (const unit of this.#units.values()) this.#want(unit);
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
      const unit = old ?? newEntry(cgroup, parts);
      this.#units.set(cgroup, unit);
      Object.assign(unit, parts, unit.gone ? { gone: false, dirty: true } : {});
      this.#tell(unit);
      this.#want(unit);
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

  #want(unit: Entry): void {
    if (this.#policies === undefined) return;
    const wanted = selectPolicies(this.#policies, unit.workloads);
    const same = wanted.length === unit.wanted.length && wanted.every((policy, index) => policy === unit.wanted[index]);
    unit.wanted = wanted;
    // The same wish that failed waits for its next try.
    if (same && (unit.inForce !== undefined || unit.problem !== undefined)) return;
    unit.failures = 0;
    unit.dirty = true;
  }

  #work(): void {
    if (this.#working !== undefined || this.#closed || this.#policies === undefined) return;
    this.#working = this.#drain().finally(() => {
      this.#working = undefined;
      if (this.#next() !== undefined) this.#work();
    });
  }

  async #drain(): Promise<void> {
    for (let unit = this.#next(); unit !== undefined && !this.#closed; unit = this.#next()) {
      if (unit.gone) await this.#release(unit);
      else await this.#enforce(unit);
      this.#options.onChange();
    }
  }

  /** A container that has no table yet comes first: its first program may be about to run. */
  #next(): Entry | undefined {
    if (this.#closed) return undefined;
    let next: Entry | undefined;
    for (const unit of this.#units.values()) {
      if (!unit.dirty) continue;
      if (!unit.gone && unit.inForce === undefined && unit.cgroup !== 0n) return unit;
      next ??= unit;
    }
    return next;
  }

  async #enforce(unit: Entry): Promise<void> {
    clearTimeout(unit.retry);
    unit.dirty = false;
    const { wanted } = unit;
    const { table, problems } = this.#compile(wanted);
    const errors = problems.filter(({ severity }) => severity === 'error');
    if (errors.length > 0) {
      unit.problem = errors.map(formatProblem).join('; ');
      return;
    }
    try {
      const inForce = await this.#options.enforcer.enforce(unit.cgroup, table);
      Object.assign(unit, { inForce, table, held: wanted, problem: undefined, failures: 0 });
      this.#tell(unit);
    } catch (error) {
      unit.problem = `the kernel refused the table: ${reasonOf(error)}`;
      this.#retry(unit);
    }
  }

  async #release(unit: Entry): Promise<void> {
    clearTimeout(unit.retry);
    unit.dirty = false;
    try {
      await this.#options.enforcer.release(unit.cgroup);
      // Unless it came back meanwhile: then it is dirty again, and starts as a new one.
      Object.assign(unit, { inForce: undefined, table: undefined, held: [] });
      if (unit.gone) this.#units.delete(unit.cgroup);
    } catch (error) {
      unit.problem = `the kernel did not let it go: ${reasonOf(error)}`;
      this.#retry(unit);
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

  /** Replicas have the same policies and share one compilation. */
  #compile(policies: readonly Policy[]): { readonly table?: Table; readonly problems: readonly Problem[] } {
    const key = policies.map((policy) => this.#numbers.get(policy) ?? 0).join(',');
    let compiled = this.#compiled.get(key);
    if (compiled === undefined) {
      compiled = compile(policies, this.#options.postures);
      this.#compiled.set(key, compiled);
    }
    return compiled;
  }
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

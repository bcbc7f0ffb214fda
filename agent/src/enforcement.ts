/**
 * What should be in force for every cgroup of this node, and bringing the kernel there: all cgroups at once, the newest wish only, new
 * containers first. What fails leaves the old table in force, says why and is tried again.
 */
import type { Policy, Postures, Table, Workload } from '@parapet/policy';
import { formatProblem, wholePaths } from '@parapet/policy';
import type { Origin } from './explain.ts';
import { Groups } from './groups.ts';
import type { Circumstances, Group } from './groups.ts';
import type { Container, Enforcer, FileFinder, FileId, Granted, InForce, LinkResolver } from './ports.ts';
import { strictest } from './postures.ts';
import { RootLinkPool, UNKNOWN_LINKS } from './root-links.ts';
import { reasonOf } from './stage-error.ts';
import { groupByCgroup, isSame, newEntry } from './units.ts';
import type { Entry, Unit } from './units.ts';

export interface EnforcementOptions {
  readonly enforcer: Enforcer;
  readonly host: Workload;
  readonly postures: Postures;
  /** Those of the node itself. Default: the same. */
  readonly hostPostures?: Postures;
  /** Without one, rules hold for paths as they are written. */
  readonly links?: LinkResolver;
  /** Without one, rules do not hold for the other names that files had before. */
  readonly files?: FileFinder;
  /** Called whenever something of `units` changed. */
  readonly onChange: () => void;
  /** Called when a table is in force, before anything else is done. */
  readonly onInForce: (inForce: InForce, origin: Origin) => void;
  /** Milliseconds before the first retry; each next one waits twice as long, up to half a minute. Default 1000. */
  readonly retryAfter?: number;
}

const LONGEST_RETRY = 30_000;
/** Roots looked at in one go: a container that is new then waits no longer than that. */
const ROOTS_AT_ONCE = 16;
/** Whose root is the node's. */
const FIRST_PROCESS = 1;

export class Enforcement {
  readonly #options: EnforcementOptions;
  readonly #units = new Map<bigint, Entry>();
  readonly #groups = new Groups();
  readonly #pool = new RootLinkPool();
  #namespaces: ReadonlyMap<string, Partial<Postures>> = new Map();
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
  setPolicies(policies: readonly Policy[], namespaces: ReadonlyMap<string, Partial<Postures>> = new Map()): void {
    this.#namespaces = namespaces;
    const units = [...this.#units.values()];
    const nextOf = this.#groups.setPolicies(
      policies,
      units.flatMap(({ group }) => group ?? []),
    );
    for (const unit of units) this.#want(unit, nextOf({ ...unit, circumstances: this.#circumstancesOf(unit) }));
    this.#work();
  }

  /** The containers that there are now; those that are missing are let go. */
  setContainers(containers: readonly Container[]): void {
    const byCgroup = groupByCgroup(containers);
    for (const [cgroup, unit] of this.#units) {
      if (cgroup !== 0n && !unit.gone && !byCgroup.has(cgroup)) Object.assign(unit, { gone: true, dirty: true });
    }
    for (const [cgroup, sharing] of byCgroup) this.#setContainer(cgroup, sharing);
    this.#work();
  }

  #setContainer(cgroup: bigint, containers: readonly Container[]): void {
    const old = this.#units.get(cgroup);
    if (old !== undefined && !old.gone && isSame(old.containers, containers)) return;
    const parts = { containers, workloads: containers.filter(({ mode }) => mode !== 'disabled').map(({ workload }) => workload) };
    const unit = old ?? newEntry(cgroup, parts);
    this.#units.set(cgroup, unit);
    // Another first process: another root.
    if (unit.gone || unit.containers[0]?.pid !== containers[0]?.pid)
      Object.assign(unit, { links: UNKNOWN_LINKS, files: undefined, unresolved: true });
    Object.assign(unit, parts, unit.gone ? { gone: false, dirty: true } : {});
    this.#tell(unit);
    if (this.#groups.policies === undefined) return;
    this.#want(unit, this.#groups.groupFor({ workloads: unit.workloads, circumstances: this.#circumstancesOf(unit) }));
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
    const isKnown = unit.group === group && (unit.inForce !== undefined || unit.problem !== undefined);
    if (!isSame(group.policies, unit.wanted)) unit.unresolved = this.#options.links !== undefined && group.paths().length > 0;
    unit.group = group;
    unit.wanted = group.policies;
    // The same wish that failed waits for its next try.
    if (isKnown) return;
    unit.failures = 0;
    unit.dirty = true;
  }

  #circumstancesOf({ links, cgroup, containers }: Entry): Circumstances {
    const { postures, hostPostures = postures } = this.#options;
    const treated = containers.filter(({ mode }) => mode !== 'disabled');
    return {
      // Of containers that share a cgroup the strictest posture counts.
      postures:
        cgroup === 0n
          ? hostPostures
          : strictest(
              treated.map(({ workload }) => this.#posturesIn(workload.namespace)),
              postures,
            ),
      audited: treated.length > 0 && treated.every(({ mode }) => mode === 'audited'),
      links,
    };
  }

  #posturesIn(namespace: string): Postures {
    return { ...this.#options.postures, ...this.#namespaces.get(namespace) };
  }

  #work(): void {
    if (this.#working !== undefined || this.#closed || this.#groups.policies === undefined) return;
    this.#working = this.#drain().finally(() => {
      this.#working = undefined;
      if (this.#next() !== undefined) this.#work();
    });
  }

  async #drain(): Promise<void> {
    for (let next = this.#next(); next !== undefined; next = this.#next()) {
      await next();
      this.#options.onChange();
    }
  }

  /**
   * What is to be done in one go. Containers that have no table yet come first: their first programs may be about to run. Others get their
   * new rules at once, for paths as they are written and as far as links are known, and once more when those were followed anew.
   */
  #next(): (() => Promise<void>) | undefined {
    if (this.#closed) return undefined;
    const units = [...this.#units.values()];
    const dirty = units.filter((unit) => unit.dirty);
    const living = dirty.filter(({ gone }) => !gone);
    const fresh = living.filter(({ inForce, cgroup }) => inForce === undefined && cgroup !== 0n);
    const ready = fresh.filter(({ unresolved }) => !unresolved);
    if (ready.length > 0) return () => this.#enforce(ready);
    if (fresh.length > 0) return () => this.#resolve(fresh);
    if (living.length > 0) return () => this.#enforce(living);
    const unresolved = units.filter((unit) => unit.unresolved && !unit.gone);
    if (unresolved.length > 0) return () => this.#resolve(unresolved);
    return dirty.length > 0 ? () => this.#release(dirty) : undefined;
  }

  /** Follows symbolic links in the roots of some of these units. */
  async #resolve(units: readonly Entry[]): Promise<void> {
    await Promise.all(units.slice(0, ROOTS_AT_ONCE).map((unit) => this.#follow(unit)));
  }

  async #follow(unit: Entry): Promise<void> {
    unit.unresolved = false;
    const paths = unit.group?.paths() ?? [];
    const pid = unit.cgroup === 0n ? FIRST_PROCESS : unit.containers[0]?.pid;
    if (pid === undefined || paths.length === 0) return;
    try {
      const found = await this.#options.links?.resolve(pid, paths);
      // A root that is gone belongs to a container that is going: it keeps what was known.
      if (found !== undefined) unit.links = this.#pool.learn(unit.links, { paths, found });
      unit.linkProblem = undefined;
    } catch (error) {
      unit.linkProblem = `rules hold only for paths as they are written: ${reasonOf(error)}`;
      this.#retry(unit);
    }
    // The policies may have changed meanwhile: then they are followed once more.
    const group = this.#groups.groupOf(unit.wanted, this.#circumstancesOf(unit));
    const files = await this.#find(unit, { pid, group });
    if (group !== unit.group || files !== unit.files || unit.problem !== unit.linkProblem)
      Object.assign(unit, { group, files, dirty: true });
  }

  /** The files that the rules name; what was known where that is the same or cannot be said. */
  async #find(unit: Entry, { pid, group }: { readonly pid: number; readonly group: Group }): Promise<Entry['files']> {
    try {
      const found = await this.#options.files?.find(pid, wholePaths(group.effective().policies));
      return found === undefined || isSameFiles(found, unit.files) ? unit.files : found;
    } catch (error) {
      unit.linkProblem ??= `rules do not hold for other names of files: ${reasonOf(error)}`;
      this.#retry(unit);
      return unit.files;
    }
  }

  async #enforce(units: readonly Entry[]): Promise<void> {
    const wishes = units.flatMap((unit) => this.#wishOf(unit));
    if (wishes.length === 0) return;
    let granted: readonly Granted[];
    try {
      granted = await this.#options.enforcer.enforceAll(
        wishes.map(({ unit, table }) => ({ cgroup: unit.cgroup, table, ...(unit.files === undefined ? {} : { files: unit.files }) })),
      );
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
      Object.assign(unit, { inForce: answer.inForce, table, held: wanted, problem: unit.linkProblem });
      if (unit.linkProblem === undefined) unit.failures = 0;
      this.#tell(unit);
    });
  }

  /** What to ask of the kernel for a unit; nothing where its policies cannot be compiled. */
  #wishOf(unit: Entry): readonly { unit: Entry; table: Table | undefined; wanted: readonly Policy[] }[] {
    if (unit.linkProblem === undefined) clearTimeout(unit.retry);
    unit.dirty = false;
    const { wanted, group } = unit;
    if (group === undefined) return [];
    const { table, problems } = group.compiled();
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
    clearTimeout(unit.retry);
    unit.retry = setTimeout(() => {
      unit.dirty = true;
      unit.unresolved ||= unit.linkProblem !== undefined;
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

function isSameFiles(found: ReadonlyMap<string, FileId>, known: ReadonlyMap<string, FileId> | undefined): boolean {
  if (found.size !== (known?.size ?? 0)) return false;
  return [...found].every(([path, { device, inode, links }]) => {
    const before = known?.get(path);
    return before?.inode === inode && before.device === device && before.links === links;
  });
}

/** Resource limits of policies: what is wished for every cgroup, bringing its controllers there, and telling when a limit bites. */
import type { Policy, Resources } from '@parapet/policy';
import { refKey, tightest } from '@parapet/policy';
import type { Bites, Cgroup, Container, LimitName, LimitStore } from './ports.ts';
import { reasonOf } from './stage-error.ts';
import type { Unit } from './units.ts';

/** A limit that has held something back. */
export interface Bite {
  readonly container: Container;
  readonly policy: Policy;
  readonly resource: LimitName;
  /** How often since it was told last. */
  readonly count: number;
}

export interface LimitsOptions {
  readonly store: LimitStore;
  readonly onBite: (bite: Bite) => void;
  readonly onChange: () => void;
  readonly now: () => number;
}

interface Limited {
  unit: Unit;
  limits: Resources;
  key: string;
  problem: string | undefined;
  bites: Bites | undefined;
  /** One look after the other. */
  looking: Promise<void>;
  /** Ends the wait for the kernel to say that a limit bites. */
  unwatch: (() => void) | undefined;
  /** When each resource was told last, in milliseconds. */
  readonly told: Map<string, number>;
  /** Bites since then. */
  readonly untold: Map<string, number>;
  /** Processor time is held back, and that was told. */
  throttled: boolean;
}

/** Milliseconds between two looks, and between two alerts of the same limit. */
const LOOK = 2_000;
const SILENCE = 30_000;
/** Shares of throttled periods: told from the first on, and again only after it was below the second. */
const THROTTLED = 0.5;
const FREE = 0.1;

export class Limits {
  readonly #options: LimitsOptions;
  readonly #limited = new Map<bigint, Limited>();
  #wanted: readonly Unit[] | undefined;
  #working: Promise<void> | undefined;
  #timer: NodeJS.Timeout | undefined;

  constructor(options: LimitsOptions) {
    this.#options = options;
  }

  start(): void {
    this.#timer = setInterval(() => void this.look(), LOOK);
    this.#timer.unref();
  }

  /** The units as they are now. */
  update(units: readonly Unit[]): void {
    this.#wanted = units;
    this.#begin();
  }

  async idle(): Promise<void> {
    while (this.#working !== undefined) await this.#working;
  }

  /** Why limits of policies are not held, by cgroup. */
  get problems(): ReadonlyMap<bigint, string> {
    return new Map([...this.#limited].flatMap(([cgroup, { problem }]) => (problem === undefined ? [] : [[cgroup, problem] as const])));
  }

  /** What an earlier agent limited, and nobody does now, is as it was. */
  async settle(): Promise<void> {
    await this.#restoreAllBut(() => new Set(this.#limited.keys()));
  }

  /** Ends; without `keep` every limit is as it was. */
  async stop({ keep }: { readonly keep: boolean }): Promise<void> {
    clearInterval(this.#timer);
    await this.idle();
    for (const limited of this.#limited.values()) unwatch(limited);
    if (!keep) await this.#restoreAllBut(() => new Set());
  }

  /** Tells of limits that have held something back since the last look. */
  async look(): Promise<void> {
    const all = [...this.#limited.values()];
    await Promise.all(all.map((limited) => this.#lookAt(limited, { early: false })));
    for (const limited of all) if (this.#limited.get(limited.unit.cgroup) === limited) this.#watch(limited);
  }

  /**
   * A container that ends by its limit is gone before the next look, and its counts with it: the kernel says at once that a limit bites.
   * Once only until the next look, since one that always bites would keep the node busy.
   */
  #watch(limited: Limited): void {
    const cgroup = cgroupOf(limited.unit);
    if (cgroup === undefined) return;
    limited.unwatch ??= this.#options.store.watch(cgroup.path, (name) => {
      unwatch(limited);
      void this.#lookAt(limited, { early: true, heard: name });
    });
  }

  /**
   * An early look leaves processor time alone: few periods say nothing of how much of it is held back. What was heard of a cgroup that is gone by
   * now counts once.
   */
  #lookAt(limited: Limited, { early, heard }: { readonly early: boolean; readonly heard?: LimitName }): Promise<void> {
    limited.looking = limited.looking.then(async () => {
      const cgroup = cgroupOf(limited.unit);
      if (cgroup === undefined) return;
      const before = limited.bites;
      const now = await this.#options.store.bites(cgroup);
      if (now === undefined) {
        if (heard !== undefined) this.#bite(limited, heard, 1);
        return;
      }
      const after = early && before !== undefined ? { ...now, periods: before.periods, throttled: before.throttled } : now;
      limited.bites = after;
      if (before === undefined) return;
      if (!early) this.#tellThrottled(limited, { before, after });
      this.#bite(limited, 'memory', after.memory - before.memory);
      this.#bite(limited, 'pids', after.pids - before.pids);
    });
    return limited.looking;
  }

  #begin(): void {
    if (this.#wanted !== undefined) this.#alone(() => this.#work());
  }

  /** One job at a time changes limits; what was wished meanwhile comes next. */
  #alone(job: () => Promise<void>): void {
    this.#working ??= job().finally(() => {
      this.#working = undefined;
      this.#begin();
    });
  }

  async #restoreAllBut(kept: () => ReadonlySet<bigint>): Promise<void> {
    while (this.#working !== undefined) await this.#working;
    const settling = this.#options.store.settle(kept());
    this.#alone(() => settling.catch(() => undefined));
    await settling;
  }

  async #work(): Promise<void> {
    for (let units = this.#wanted; units !== undefined; units = this.#wanted) {
      this.#wanted = undefined;
      const seen = new Set<bigint>();
      let changed = false;
      for (const unit of units) {
        const limits = wishOf(unit);
        if (limits === undefined) continue;
        seen.add(unit.cgroup);
        changed = (await this.#limit(unit, limits)) || changed;
      }
      for (const [cgroup, limited] of [...this.#limited]) {
        if (seen.has(cgroup)) continue;
        this.#limited.delete(cgroup);
        // What the kernel has said of one that is gone may still be on its way.
        await new Promise(setImmediate);
        unwatch(limited);
        await this.#apply(limited.unit, undefined);
        changed = true;
      }
      if (changed) this.#options.onChange();
    }
  }

  async #limit(unit: Unit, limits: Resources): Promise<boolean> {
    const key = JSON.stringify([limits.memory, limits.pids, limits.cpu, [...limits.io]]);
    const limited = this.#limited.get(unit.cgroup) ?? (await this.#begun(unit, limits));
    limited.unit = unit;
    const before = { key: limited.key, problem: limited.problem };
    if (before.key === key && before.problem === undefined) return false;
    limited.limits = limits;
    limited.key = key;
    limited.problem = await this.#apply(unit, limits);
    // Which limits are the policies' own is known from now on.
    await this.#lookAt(limited, { early: true });
    return before.key !== key || before.problem !== limited.problem;
  }

  /** Watched from before its limits are there: what these hold back at once counts too. */
  async #begun(unit: Unit, limits: Resources): Promise<Limited> {
    const limited: Limited = {
      ...{ unit, limits, key: '', problem: undefined, bites: undefined, looking: Promise.resolve(), unwatch: undefined },
      ...{ told: new Map<string, number>(), untold: new Map<string, number>(), throttled: false },
    };
    await this.#lookAt(limited, { early: false });
    this.#limited.set(unit.cgroup, limited);
    this.#watch(limited);
    return limited;
  }

  async #apply(unit: Unit, limits: Resources | undefined): Promise<string | undefined> {
    const cgroup = cgroupOf(unit);
    if (cgroup === undefined) return 'its cgroup is not known';
    try {
      const problems = await this.#options.store.apply(cgroup, limits);
      return problems.length === 0 ? undefined : problems.join('; ');
    } catch (error) {
      return reasonOf(error);
    }
  }

  #tellThrottled(limited: Limited, { before, after }: { before: Bites; after: Bites }): void {
    const periods = after.periods - before.periods;
    const share = periods > 0 ? (after.throttled - before.throttled) / periods : 0;
    if (share >= THROTTLED && !limited.throttled) {
      limited.throttled = this.#bite(limited, 'cpu', after.throttled - before.throttled);
    } else if (share < FREE) limited.throttled = false;
  }

  /** Whether it is told, or was a moment ago. */
  #bite({ unit, limits, bites, told, untold }: Limited, resource: LimitName, count: number): boolean {
    const { now, onBite } = this.#options;
    const [container] = unit.containers;
    const policy = unit.wanted.find(({ resources }) => resources?.[resource] !== undefined && resources[resource] === limits[resource]);
    if (count <= 0 || container === undefined || policy === undefined || bites?.inForce.has(resource) !== true) return false;
    const all = (untold.get(resource) ?? 0) + count;
    const silent = now() - (told.get(resource) ?? -SILENCE) < SILENCE;
    untold.set(resource, silent ? all : 0);
    if (silent) return true;
    told.set(resource, now());
    onBite({ container, policy, resource, count: all });
    return true;
  }
}

function cgroupOf({ cgroup, containers }: Unit): Cgroup | undefined {
  const { cgroupPath } = containers[0] ?? {};
  return cgroupPath === undefined ? undefined : { id: cgroup, path: cgroupPath };
}

function unwatch(limited: Limited): void {
  limited.unwatch?.();
  limited.unwatch = undefined;
}

/** The limits of a unit: the tightest of all its policies'. None in a container that is only audited. */
function wishOf({ wanted, containers }: Unit): Resources | undefined {
  if (containers.length === 0 || containers.every(({ mode }) => mode === 'audited')) return undefined;
  const all = wanted.flatMap(({ resources }) => resources ?? []);
  return all.length === 0 ? undefined : tightest(all);
}

/** A limit for people: `memory 268435456 bytes`. */
export function limitText({ policy, resource }: Pick<Bite, 'policy' | 'resource'>): string {
  const value = policy.resources?.[resource] ?? 0;
  const unit = { memory: 'bytes', pids: 'processes', cpu: 'processors' }[resource];
  return `${refKey(policy)} limits ${resource} to ${value} ${unit}`;
}

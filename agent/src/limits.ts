/** Resource limits of policies: what is wished for every cgroup, bringing its controllers there, and telling when a limit bites. */
import type { Policy, Resources } from '@parapet/policy';
import { refKey, tightest } from '@parapet/policy';
import type { Container, Bites, LimitStore } from './ports.ts';
import { reasonOf } from './stage-error.ts';
import type { Unit } from './units.ts';

/** A limit that has held something back. */
export interface Bite {
  readonly container: Container;
  readonly policy: Policy;
  readonly resource: 'memory' | 'pids' | 'cpu';
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
  readonly unit: Unit;
  readonly limits: Resources;
  readonly key: string;
  problem: string | undefined;
  bites: Bites | undefined;
  /** When each resource was told last, in milliseconds. */
  readonly told: Map<string, number>;
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
    this.#working ??= this.#work().finally(() => (this.#working = undefined));
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
    await this.idle();
    await this.#options.store.settle(new Set(this.#limited.keys()));
  }

  /** Ends; without `keep` every limit is as it was. */
  async stop({ keep }: { readonly keep: boolean }): Promise<void> {
    clearInterval(this.#timer);
    await this.idle();
    if (!keep) await this.#options.store.settle(new Set());
  }

  /** Tells of limits that have held something back since the last look. */
  async look(): Promise<void> {
    for (const limited of this.#limited.values()) {
      const { cgroupPath } = limited.unit.containers[0] ?? {};
      if (cgroupPath === undefined) continue;
      const before = limited.bites;
      limited.bites = await this.#options.store.bites(cgroupPath);
      if (before !== undefined) this.#tell(limited, { before, after: limited.bites });
    }
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
      for (const [cgroup, { unit }] of [...this.#limited]) {
        if (seen.has(cgroup)) continue;
        this.#limited.delete(cgroup);
        await this.#apply(unit, undefined);
        changed = true;
      }
      if (changed) this.#options.onChange();
    }
  }

  async #limit(unit: Unit, limits: Resources): Promise<boolean> {
    const key = JSON.stringify([limits.memory, limits.pids, limits.cpu, [...limits.io]]);
    const known = this.#limited.get(unit.cgroup);
    if (known?.key === key && known.problem === undefined) {
      if (known.unit !== unit) this.#limited.set(unit.cgroup, { ...known, unit });
      return false;
    }
    const problem = await this.#apply(unit, limits);
    const fresh = { bites: undefined, told: new Map<string, number>(), throttled: false };
    this.#limited.set(unit.cgroup, { ...fresh, ...known, unit, limits, key, problem });
    return known?.key !== key || known.problem !== problem;
  }

  async #apply(unit: Unit, limits: Resources | undefined): Promise<string | undefined> {
    const { cgroupPath } = unit.containers[0] ?? {};
    if (cgroupPath === undefined) return 'its cgroup is not known';
    try {
      const problems = await this.#options.store.apply({ id: unit.cgroup, path: cgroupPath }, limits);
      return problems.length === 0 ? undefined : problems.join('; ');
    } catch (error) {
      return reasonOf(error);
    }
  }

  #tell(limited: Limited, { before, after }: { before: Bites; after: Bites }): void {
    const periods = after.periods - before.periods;
    const share = periods > 0 ? (after.throttled - before.throttled) / periods : 0;
    if (share >= THROTTLED && !limited.throttled) {
      limited.throttled = this.#bite(limited, 'cpu', after.throttled - before.throttled);
    } else if (share < FREE) limited.throttled = false;
    this.#bite(limited, 'memory', after.memory - before.memory);
    this.#bite(limited, 'pids', after.pids - before.pids);
  }

  /** Whether it is told, or was a moment ago. */
  #bite({ unit, limits, told }: Limited, resource: Bite['resource'], count: number): boolean {
    const { now, onBite } = this.#options;
    const [container] = unit.containers;
    const policy = unit.wanted.find(({ resources }) => resources?.[resource] !== undefined && resources[resource] === limits[resource]);
    if (count <= 0 || container === undefined || policy === undefined) return false;
    if (now() - (told.get(resource) ?? -SILENCE) < SILENCE) return true;
    told.set(resource, now());
    onBite({ container, policy, resource, count });
    return true;
  }
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

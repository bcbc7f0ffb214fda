/** Units that have the same policies in the same circumstances share one compilation, one table and one hash. */
import type { Policy, Postures, Workload } from '@parapet/policy';
import { audited, compile, linkablePaths, withLinks } from '@parapet/policy';
import type { KnownLinks } from './root-links.ts';
import { selectPolicies } from './select.ts';

/** What a unit's table depends on besides its policies. */
export interface Circumstances {
  readonly postures: Postures;
  /** Nothing is blocked. */
  readonly audited: boolean;
  readonly links: KnownLinks;
}

export interface Group {
  readonly policies: readonly Policy[];
  readonly circumstances: Circumstances;
  /** The policies as they are in these circumstances. */
  readonly effective: () => Effective;
  /** Paths that can lead elsewhere in a root; worked out once. */
  readonly paths: () => readonly string[];
  readonly compiled: () => ReturnType<typeof compile>;
}

export interface Effective {
  readonly policies: readonly Policy[];
  readonly postures: Postures;
}

const AUDIT: Postures = { file: 'audit', network: 'audit', capabilities: 'audit' };

/** What a change of the policies is to units that are told apart by nothing else. */
type Successors = Map<Group | undefined, Map<string, Group>>;

export class Groups {
  #policies: readonly Policy[] | undefined;
  /** By what they are made of. */
  #groups = new Map<string, Group>();
  #paths = new WeakMap<readonly Policy[], readonly string[]>();
  #numbers = new Map<Policy, number>();
  #count = 0;

  /** Undefined until the policies are known. */
  get policies(): readonly Policy[] | undefined {
    return this.#policies;
  }

  /** Takes the new policies; `used` are the groups that units are in. Gives what to ask for each unit's next group. */
  setPolicies(policies: readonly Policy[], used: Iterable<Group>): (unit: Parameters<Groups['groupFor']>[0] & { group?: Group }) => Group {
    const added = policies.filter((policy) => !this.#numbers.has(policy));
    this.#policies = policies;
    this.#numbers = new Map(policies.map((policy) => [policy, this.#numbers.get(policy) ?? (this.#count += 1)]));
    this.#groups = new Map();
    for (const group of used) {
      if (group.policies.every((policy) => this.#numbers.has(policy)))
        this.#groups.set(this.#keyOf(group.policies, group.circumstances), group);
    }
    const successors: Successors = new Map();
    return (unit) => this.#successor(unit, { added, successors });
  }

  /** The group of a unit that is new or has changed. */
  groupFor({ workloads, circumstances }: { readonly workloads: readonly Workload[]; readonly circumstances: Circumstances }): Group {
    return this.groupOf(selectPolicies(this.#policies ?? [], workloads), circumstances);
  }

  groupOf(policies: readonly Policy[], circumstances: Circumstances): Group {
    const key = this.#keyOf(policies, circumstances);
    const group = this.#groups.get(key) ?? this.#newGroup(policies, circumstances);
    this.#groups.set(key, group);
    return group;
  }

  /** Units of one group that the same new policies select stay together. */
  #successor(
    unit: Parameters<Groups['groupFor']>[0] & { readonly group?: Group },
    change: { readonly added: readonly Policy[]; readonly successors: Successors },
  ): Group {
    const { group, circumstances } = unit;
    if (group === undefined) return this.groupFor(unit);
    const selected = selectPolicies(change.added, unit.workloads);
    const key = this.#keyOf(selected, circumstances);
    const known = change.successors.get(group) ?? new Map<string, Group>();
    change.successors.set(group, known);
    let next = known.get(key);
    if (next === undefined) {
      const chosen = new Set([...group.policies, ...selected]);
      const policies = (this.#policies ?? []).filter((policy) => chosen.has(policy));
      next = this.groupOf(policies, circumstances);
      known.set(key, next);
    }
    return next;
  }

  #newGroup(policies: readonly Policy[], circumstances: Circumstances): Group {
    const { links, postures } = circumstances;
    let compiled: ReturnType<typeof compile> | undefined;
    const effective = (): Effective => ({
      policies: withLinks(circumstances.audited ? audited(policies) : policies, links),
      postures: circumstances.audited ? AUDIT : postures,
    });
    return {
      policies,
      circumstances,
      effective,
      paths: () => this.#pathsOf(policies),
      compiled: () => (compiled ??= compile(effective().policies, effective().postures)),
    };
  }

  #pathsOf(policies: readonly Policy[]): readonly string[] {
    const paths = this.#paths.get(policies) ?? linkablePaths(policies);
    this.#paths.set(policies, paths);
    return paths;
  }

  #keyOf(policies: readonly Policy[], { postures, links, audited: isAudited }: Circumstances): string {
    const numbers = policies.map((policy) => this.#numbers.get(policy) ?? 0).join(',');
    return [numbers, isAudited ? 'audited' : '', postures.file, postures.network, postures.capabilities, links.key].join(' ');
  }
}

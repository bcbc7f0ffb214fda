/** The cgroups of this node, and what is wished and in force for each. */
import type { Policy, Table, Workload } from '@parapet/policy';
import type { Group } from './groups.ts';
import type { Container, FileId, InForce } from './ports.ts';
import { UNKNOWN_LINKS } from './root-links.ts';
import type { KnownLinks } from './root-links.ts';

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
  /** Symbolic links in its root are still to be followed: until then rules hold for paths as they are written. */
  readonly unresolved: boolean;
  /** Why `wanted` cannot be in force; the table before it stays. */
  readonly problem: string | undefined;
}

export interface Entry extends Unit {
  containers: readonly Container[];
  workloads: readonly Workload[];
  wanted: readonly Policy[];
  /** Whose policies are `wanted`; undefined until they are selected. */
  group: Group | undefined;
  links: KnownLinks;
  held: readonly Policy[];
  inForce: InForce | undefined;
  unresolved: boolean;
  problem: string | undefined;
  /** The files that its rules name; undefined where none is known. */
  files: ReadonlyMap<string, FileId> | undefined;
  /** Why links in its root could not be followed. */
  linkProblem: string | undefined;
  table: Table | undefined;
  /** Something is to be done. */
  dirty: boolean;
  /** What is to be done is to let it go. */
  gone: boolean;
  failures: number;
  retry: NodeJS.Timeout | undefined;
}

export function newEntry(cgroup: bigint, parts: Pick<Unit, 'containers' | 'workloads'>): Entry {
  return {
    ...parts,
    cgroup,
    wanted: [],
    group: undefined,
    links: UNKNOWN_LINKS,
    files: undefined,
    held: [],
    inForce: undefined,
    unresolved: false,
    table: undefined,
    problem: undefined,
    linkProblem: undefined,
    dirty: true,
    gone: false,
    failures: 0,
    retry: undefined,
  };
}

/** Containers that the kernel can tell from the node, by the cgroup that they are in. */
export function groupByCgroup(containers: readonly Container[]): Map<bigint, readonly Container[]> {
  const groups = new Map<bigint, readonly Container[]>();
  for (const container of containers) {
    if (container.unconfinable === undefined) groups.set(container.cgroup, [...(groups.get(container.cgroup) ?? []), container]);
  }
  return groups;
}

export function isSame<Item>(a: readonly Item[], b: readonly Item[]): boolean {
  return a.length === b.length && a.every((item, at) => item === b[at]);
}

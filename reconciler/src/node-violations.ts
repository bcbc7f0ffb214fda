/** What nodes report as gone against policies, found by policy: there may be a thousand nodes, and a source asks for its own only. */
import { refKey } from '@parapet/policy';
import type { ViolationReport } from '@parapet/policy';
import { isHitOf } from './outcome.ts';
import type { Hit } from './outcome.ts';

/** Most lines that are kept of one node, and of all. */
export const MAX_OF_NODE = 1000;
export const MAX_OF_ALL = 100_000;

/** Two lines that differ in none of these say the same. */
const TOLD = ['kind', 'namespace', 'name', 'rule', 'action', 'workload', 'commit', 'count'] as const;

export class NodeViolations {
  readonly #byNode = new Map<string, readonly ViolationReport[]>();
  /** By policy, then by node. */
  readonly #byPolicy = new Map<string, Map<string, readonly ViolationReport[]>>();
  #kept = 0;
  #overflowed = false;

  /** From now on the node reports these; gives the keys of the policies of which it reports something else than before. */
  set(node: string, reported: readonly ViolationReport[]): readonly string[] {
    const before = this.#byNode.get(node) ?? [];
    const room = Math.min(MAX_OF_NODE, MAX_OF_ALL - this.#kept + before.length);
    const violations = reported.slice(0, room);
    this.#overflowed ||= reported.length > room;
    if (isSame(before, violations)) return [];
    this.#kept += violations.length - before.length;
    if (violations.length === 0) this.#byNode.delete(node);
    else this.#byNode.set(node, violations);
    const [old, now] = [byPolicy(before), byPolicy(violations)];
    const changed = [...new Set([...old.keys(), ...now.keys()])].filter((key) => !isSame(old.get(key), now.get(key)));
    for (const key of old.keys()) if (!now.has(key)) this.#remove(key, node);
    for (const [key, lines] of now) this.#put(key, node, lines);
    return changed;
  }

  /** What counts against these policies, each at the commit that it says itself. */
  of(policies: ReadonlyMap<string, string | undefined>): readonly Hit[] {
    return [...policies].flatMap(([key, commit]) =>
      [...(this.#byPolicy.get(key) ?? [])].flatMap(([node, lines]) =>
        lines.filter((violation) => isHitOf(commit, violation)).map((violation) => ({ node, violation })),
      ),
    );
  }

  /** Whether there was ever a line that found no room. */
  get overflowed(): boolean {
    return this.#overflowed;
  }

  #put(key: string, node: string, lines: readonly ViolationReport[]): void {
    const nodes = this.#byPolicy.get(key) ?? new Map<string, readonly ViolationReport[]>();
    this.#byPolicy.set(key, nodes.set(node, lines));
  }

  #remove(key: string, node: string): void {
    const nodes = this.#byPolicy.get(key);
    nodes?.delete(node);
    if (nodes?.size === 0) this.#byPolicy.delete(key);
  }
}

function byPolicy(violations: readonly ViolationReport[]): ReadonlyMap<string, ViolationReport[]> {
  const groups = new Map<string, ViolationReport[]>();
  for (const violation of violations) {
    const key = refKey(violation);
    const group = groups.get(key);
    if (group === undefined) groups.set(key, [violation]);
    else group.push(violation);
  }
  return groups;
}

function isSame(a: readonly ViolationReport[] = [], b: readonly ViolationReport[] = []): boolean {
  return a.length === b.length && a.every((one, index) => TOLD.every((field) => one[field] === b[index]?.[field]));
}

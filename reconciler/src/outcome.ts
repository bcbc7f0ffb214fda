/** From the inventory and what the nodes report to what the commit's statuses say. */
import { refKey } from '@parapet/policy';
import type { NodeReport, PolicyReport, ViolationReport } from '@parapet/policy';
import { clip, clipBefore, count, plain } from './describe.ts';
import type { Inventory } from './inventory.ts';

export type StatusState = 'pending' | 'success' | 'failure' | 'error';

export interface Outcome {
  readonly state: StatusState;
  /** At most 140 characters, one line. */
  readonly description: string;
  /** Changes when the outcome is another one, and not when only its numbers are. */
  readonly essence: string;
}

/** A report, and whether its node has renewed it lately. */
export interface SeenReport {
  readonly report: NodeReport;
  readonly fresh: boolean;
}

/**
 * Whether the commit is in force: `failure` names a policy that a node can't hold, `success` counts the nodes, which all hold every
 * policy. Nodes that have gone quiet don't count; when none is left after `waited` milliseconds, that is an `error`.
 */
export function enforcedOutcome(input: {
  readonly inventory: Inventory;
  readonly reports: readonly SeenReport[];
  /** Milliseconds since the commit was applied. */
  readonly waited: number;
  readonly patience: number;
}): Outcome {
  const { inventory, waited, patience } = input;
  const fresh = input.reports.filter((seen) => seen.fresh).map(({ report }) => report);
  if (fresh.length === 0) return silence({ waited, patience });
  const nodes = fresh.map((report) => nodeState(report, inventory));
  const failed = nodes.find(({ failure }) => failure !== undefined)?.failure;
  if (failed !== undefined) return outcome('failure', failed);
  const done = nodes.filter(({ enforced }) => enforced).length;
  return outcome(done === nodes.length ? 'success' : 'pending', `${done} of ${nodes.length} nodes`);
}

/** What is said while no node reports: pending at first, an error after `patience` milliseconds. */
export function silence({ waited, patience }: { readonly waited: number; readonly patience: number }): Outcome {
  const description = `no node has reported for ${count(Math.round(patience / 1000), 'second', 'seconds')}`;
  return waited >= patience ? outcome('error', description) : outcome('pending', 'waiting for a node to report');
}

interface NodeState {
  readonly enforced: boolean;
  readonly failure?: string;
}

function nodeState(report: NodeReport, inventory: Inventory): NodeState {
  const reported = new Map(report.status.policies.map((policy) => [refKey(policy), policy]));
  let enforced = true;
  for (const entry of inventory.policies) {
    const policy = reported.get(refKey(entry));
    if (policy !== undefined && isAbout(policy, inventory.commit) && (policy.state === 'Degraded' || policy.state === 'Rejected')) {
      const why = policy.message === '' ? 'no reason given' : policy.message;
      return { enforced: false, failure: clip(plain(`${policy.name}: ${policy.state.toLowerCase()} on ${report.metadata.name}: ${why}`)) };
    }
    if (policy?.state !== 'Enforced' || policy.commit !== inventory.commit) enforced = false;
  }
  return { enforced };
}

/** A rejected manifest may not even have given up its commit. */
function isAbout(policy: PolicyReport, commit: string): boolean {
  return policy.commit === commit || (policy.commit === undefined && policy.state === 'Rejected');
}

interface Tally {
  readonly violation: ViolationReport;
  count: number;
}

/**
 * Whether anything went against the commit's policies: red with the worst rule, where Block is worse than Audit, then severity counts,
 * then how often. `undefined` while there is neither a violation nor an enforced commit.
 */
export function violationsOutcome(input: {
  readonly inventory: Inventory;
  readonly reports: readonly SeenReport[];
  readonly enforced: boolean;
}): Outcome | undefined {
  const tallies = tally(input.reports, input.inventory);
  const worst = tallies[0];
  if (worst === undefined) return input.enforced ? outcome('success', 'no violations') : undefined;
  const { violation } = worst;
  const others = tallies.slice(1).reduce((sum, { count: number }) => sum + number, 0);
  const rules = tallies.length - 1;
  const more = others === 0 ? '' : `, ${others} more by ${count(rules, 'other rule', 'other rules')}`;
  const source = violation.source === undefined ? '' : ` (${clip(plain(violation.source), 50)})`;
  const verb = violation.action === 'Block' ? 'blocked' : 'audited';
  const rule = plain(`${violation.name} ${violation.rule} ${violation.resource}`);
  return {
    state: 'failure',
    description: clipBefore(`${worst.count} ${verb}: ${rule}`, `${source}${more}`),
    essence: JSON.stringify([verb, refKey(violation), violation.rule]),
  };
}

/** Violations of this commit, added up over nodes by policy, rule and action; the worst first, ties by name. */
function tally(reports: readonly SeenReport[], inventory: Inventory): Tally[] {
  const ours = new Set(inventory.policies.map(refKey));
  const tallies = new Map<string, Tally>();
  for (const violation of reports.flatMap(({ report }) => report.status.violations)) {
    if (violation.commit !== inventory.commit || violation.count === 0 || violation.action === 'Allow' || !ours.has(refKey(violation)))
      continue;
    const key = JSON.stringify([refKey(violation), violation.rule, violation.action]);
    const known = tallies.get(key);
    if (known === undefined) tallies.set(key, { violation, count: violation.count });
    else known.count += violation.count;
  }
  return [...tallies].sort(([keyA, a], [keyB, b]) => order(a, b) || (keyA < keyB ? -1 : 1)).map(([, value]) => value);
}

function order(a: Tally, b: Tally): number {
  const blocks = Number(b.violation.action === 'Block') - Number(a.violation.action === 'Block');
  return blocks || b.violation.severity - a.violation.severity || b.count - a.count;
}

/** An outcome of which the description is all that there is to say. */
export function outcome(state: StatusState, description: string): Outcome {
  return { state, description, essence: `${state} ${description}` };
}

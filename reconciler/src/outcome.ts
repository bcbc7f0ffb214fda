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

/** A violation that counts against the commit, and the node that tells of it. */
export interface Hit {
  readonly node: string;
  readonly violation: ViolationReport;
}

/** What nodes report as gone against the commit's policies. Reports of nodes that have gone quiet count too: what happened has happened. */
export function hitsOf(reports: readonly SeenReport[], inventory: Inventory): Hit[] {
  const ours = new Set(inventory.policies.map(refKey));
  return reports.flatMap(({ report }) =>
    report.status.violations
      .filter((violation) => isHitOf(inventory.commit, violation) && ours.has(refKey(violation)))
      .map((violation) => ({ node: report.metadata.name, violation })),
  );
}

/** Whether it is one at all, and of the version of its policy that is from this commit. */
export function isHitOf(policyCommit: string | undefined, { commit, count: number, action }: ViolationReport): boolean {
  return commit === policyCommit && number > 0 && action !== 'Allow';
}

/** Characters of a description that may follow the rule. */
const MAX_DETAILS = 105;

interface Tally {
  readonly violation: ViolationReport;
  count: number;
}

/**
 * Red with the worst rule, where Block is worse than Audit, then severity counts, then how often; and with the workload that was hit, or how
 * many. `undefined` when nothing was.
 */
export function violationsOutcome(hits: readonly Hit[]): Outcome | undefined {
  const tallies = tally(hits);
  const worst = tallies[0];
  if (worst === undefined) return undefined;
  const { violation } = worst;
  const others = tallies.slice(1).reduce((sum, { count: number }) => sum + number, 0);
  const rules = tallies.length - 1;
  const more = others === 0 ? '' : `, ${others} more by ${count(rules, 'other rule', 'other rules')}`;
  const source = violation.source === undefined ? '' : ` (${clip(plain(violation.source), 50)})`;
  const verb = violation.action === 'Block' ? 'blocked' : 'audited';
  const rule = plain(`${violation.name} ${violation.rule} ${violation.resource}`);
  const where = whereOf(hits);
  // The rule says more than the workload.
  const room = `${source}${where}${more}`.length <= MAX_DETAILS;
  const description = clipBefore(`${worst.count} ${verb}: ${rule}`, `${source}${room ? where : ''}${more}`);
  return outcome('failure', description);
}

function whereOf(hits: readonly Hit[]): string {
  const workloads = new Set(hits.map(({ violation }) => violation.workload).filter((workload) => workload !== undefined));
  const [only] = workloads;
  if (only === undefined) return '';
  return workloads.size > 1 ? ` in ${workloads.size} workloads` : ` in ${clip(plain(only), 50)}`;
}

/** Added up over nodes and workloads by policy, rule and action; the worst first, ties by name. */
function tally(hits: readonly Hit[]): Tally[] {
  const tallies = new Map<string, Tally>();
  for (const { violation } of hits) {
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
  return { state, description };
}

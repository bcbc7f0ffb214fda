/** Violations by policy and rule, with counts: what a NodeReport says about them. */
import { operationText, policyRef, refKey, resourceText } from '@parapet/policy';
import type { Policy, ViolationReport } from '@parapet/policy';
import { DEFAULT_POSTURE } from './alert.ts';
import type { Explained } from './explain.ts';
import { ownerText } from './labels.ts';

/** Most lines kept; what comes after them is counted in `overflow`. */
export const MAX_VIOLATIONS = 5_000;
/** A resource is at most a path of 4096 bytes; a report names many. */
const MAX_RESOURCE = 256;

/** Keeps the violations of the policies that are in force now, each for the commit it is at. */
export class Violations {
  readonly #reports = new Map<string, ViolationReport>();
  #commits = new Map<string, string | undefined>();
  #overflow = 0;

  /** The policies now in force: violations of others, and of other commits of these, are forgotten. */
  setPolicies(policies: readonly Policy[]): void {
    this.#commits = new Map(policies.map((policy) => [refKey(policy), policy.provenance.commit]));
    for (const [key, report] of this.#reports) if (!this.#isCurrent(report)) this.#reports.delete(key);
  }

  /** Counts a record; says whether it is a violation of a policy in force. */
  add(explained: Explained): boolean {
    const report = toReport(explained);
    if (report === undefined || !this.#isCurrent(report)) return false;
    const key = [refKey(report), report.rule, report.action, report.operation, report.workload ?? ''].join(' ');
    const old = this.#reports.get(key);
    if (old === undefined && this.#reports.size >= MAX_VIOLATIONS) {
      this.#overflow += report.count;
      return false;
    }
    const first = old === undefined || report.firstSeen < old.firstSeen ? report.firstSeen : old.firstSeen;
    const last = old === undefined || report.lastSeen > old.lastSeen ? report.lastSeen : old.lastSeen;
    this.#reports.set(key, { ...report, firstSeen: first, lastSeen: last, count: (old?.count ?? 0) + report.count });
    return true;
  }

  /** By policy, then by rule. */
  list(): readonly ViolationReport[] {
    return [...this.#reports].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, report]) => report);
  }

  /** Violations that found no room. */
  get overflow(): number {
    return this.#overflow;
  }

  #isCurrent(report: ViolationReport): boolean {
    const key = refKey(report);
    return this.#commits.has(key) && this.#commits.get(key) === report.commit;
  }
}

function toReport({ why, event, record, action, origin }: Explained): ViolationReport | undefined {
  if (why.type === 'unknown' || why.policy === undefined) return undefined;
  const { provenance } = why.policy;
  const rule = why.type === 'rule' ? why.rule : undefined;
  const workload = origin?.container === undefined ? undefined : ownerText(origin.container.workload);
  return {
    ...policyRef(why.policy),
    rule: rule?.field ?? DEFAULT_POSTURE,
    action,
    operation: operationText(event),
    resource: resourceText(event, record.resource).slice(0, MAX_RESOURCE),
    severity:
      rule?.severity ?? Math.max(1, ...why.policy.rules.filter(({ section }) => section === event.section).map(({ severity }) => severity)),
    message: rule?.message ?? '',
    count: record.count,
    firstSeen: new Date(record.firstTime).toISOString(),
    lastSeen: new Date(record.time).toISOString(),
    commit: provenance.commit,
    source: (rule === undefined ? undefined : provenance.rules[rule.field]) ?? provenance.source,
    ...(workload === undefined ? {} : { workload }),
  };
}

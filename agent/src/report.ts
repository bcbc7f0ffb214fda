/** The NodeReport: the agent's status in the form that the reconciler folds into commit statuses. */
import { REPORT_API_VERSION } from '@parapet/policy';
import type { NodeReport, ViolationReport } from '@parapet/policy';
import { fitReport } from './report-size.ts';
import type { AgentStatus } from './status.ts';

/** Builds the report of one node at one time. */
export function buildReport(
  status: AgentStatus,
  seen: { readonly violations: readonly ViolationReport[]; readonly now: Date },
): NodeReport {
  const { drops } = status;
  return fitReport({
    apiVersion: REPORT_API_VERSION,
    kind: 'NodeReport',
    metadata: { name: status.node },
    status: {
      observedAt: seen.now.toISOString(),
      enforcer: status.enforcer,
      kernel: status.kernel,
      totals: { policies: status.policies.length, violations: seen.violations.length },
      policies: status.policies,
      violations: seen.violations,
      counters: { ...status.counters, alertsDropped: drops.alerts, violationsDropped: drops.violations },
    },
  });
}

/** What a run says among the Kubernetes events of its PolicySource: only what its users would want to hear of. */
import type { RunReport } from './source-report.ts';

export interface SourceNews {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly note: string;
}

/** `undefined` for a run that found nothing to do. */
export function eventOf(report: Extract<RunReport, { readonly kind: 'ended' }>): SourceNews | undefined {
  const { outcome, message, problems, changed, corrected } = report;
  const errors = problems.filter(({ severity }) => severity === 'error');
  if (outcome === 'failed') return { type: 'Warning', reason: 'ReconcileFailed', note: message };
  if (outcome === 'refused') return { type: 'Warning', reason: 'CommitRefused', note: message };
  if (errors.some(({ code }) => code === 'prune-blocked' || code === 'empty-result'))
    return { type: 'Warning', reason: 'PruneBlocked', note: message };
  if (errors.length > 0) return { type: 'Warning', reason: 'PartlyApplied', note: message };
  if (!changed) return undefined;
  return corrected > 0 ? { type: 'Normal', reason: 'DriftCorrected', note: message } : { type: 'Normal', reason: 'Applied', note: message };
}

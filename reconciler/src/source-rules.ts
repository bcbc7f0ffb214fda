/** What a PolicySource's spec means for its gate and for its plan. */
import type { GateRules } from './gate.ts';
import type { RevisionRules } from './revision.ts';
import type { SourceSpec } from './source-spec.ts';

export function gateOf({ allow, targetNamespace }: SourceSpec): GateRules {
  return { ...allow, ...(targetNamespace === undefined ? {} : { targetNamespace }) };
}

/** `pruneConfirmed`: the commit at hand may remove more than the limit. */
export function rulesOf({ prune, pruneLimit, allowEmpty, force, drift }: SourceSpec, pruneConfirmed: boolean): RevisionRules {
  return { prune, pruneLimit, pruneConfirmed, allowEmpty, force, drift };
}

/** What a commit wants of its policies, for counting what has become of each. */
import type { PolicyRef } from '@parapet/policy';
import type { Revision } from './delivery.ts';
import { clip, describeProblems, plain } from './describe.ts';
import type { SourceFold, WantedVersion } from './fold-source.ts';
import { outcome } from './outcome.ts';

export interface WantedPolicy extends WantedVersion {
  /** Why the commit's own version is not applied, in one line. There may be an older one. */
  readonly refused?: string;
}

/** Every policy that the commit has. */
export function wantedPolicies({ policies }: Pick<Revision, 'policies'>): readonly WantedPolicy[] {
  return policies
    .filter(({ change }) => change !== 'removed' && change !== 'left')
    .map(({ kind, namespace, name, desired, problems }) => {
      const ref: PolicyRef = { kind, namespace, name };
      return desired === undefined
        ? { ...ref, refused: describeProblems(problems.map((problem) => ({ ...problem, place: {} }))) }
        : { ...ref, fingerprint: desired.fingerprint };
    });
}

/** With those of the commit's policies that are not applied: until they are, the commit as such is not in force anywhere. */
export function withRefused({ policies, enforced }: SourceFold, refused: readonly WantedPolicy[]): SourceFold {
  const [first] = refused;
  if (first === undefined) return { policies, enforced };
  const number = refused.length;
  return {
    policies: { ...policies, total: policies.total + number, refused: policies.refused + number },
    enforced: outcome('failure', clip(plain(`${first.name}: refused: ${first.refused ?? ''}`))),
  };
}

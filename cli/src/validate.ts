/** What must hold for manifests before anything is done with them. */
import { compile, DEFAULT_POSTURES, parsePolicies, refKey } from '@parapet/policy';
import type { Manifest, Policy, Problem } from '@parapet/policy';

/** Parses all manifests and compiles each policy as a node would, so that what a kernel can't hold is said here. */
export function validate(manifests: readonly Manifest[]): { readonly policies: readonly Policy[]; readonly problems: readonly Problem[] } {
  const { policies, problems } = parsePolicies(manifests);
  const uncompilable = policies.flatMap((policy) =>
    compile([policy], DEFAULT_POSTURES).problems.map((problem) => ({ ...problem, place: { object: refKey(policy), ...problem.place } })),
  );
  return { policies, problems: [...problems, ...uncompilable] };
}

/** `1 policy`, `3 policies`. */
export function countPolicies(policies: readonly Policy[]): string {
  return `${policies.length} ${policies.length === 1 ? 'policy' : 'policies'}`;
}

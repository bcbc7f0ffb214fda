/** A policy object of the cluster as the fold takes it: which version it is, and what its status says by now. */
import { ANNOTATION, isCommit } from '@parapet/policy';
import type { LivePolicy } from './live-policy.ts';
import { recordOf } from './manifest.ts';
import { MARK } from './marks.ts';
import { readPolicyStatus } from './policy-status.ts';
import type { FoldedPolicy } from './policy-status.ts';

/**
 * `live` is what the watches keep of `object`, which is as the API server gave it and may be anybody's. Whether it is a good policy is left to
 * the nodes, which must judge it anyway: here a large one, written again and again, would keep everything else waiting.
 */
export function foldedPolicy(live: LivePolicy, object: unknown): FoldedPolicy {
  const { kind, namespace, name, generation, annotations } = live;
  const mark = (key: string): string | undefined => (Object.hasOwn(annotations, key) ? annotations[key] : undefined);
  const [commit, fingerprint] = [mark(ANNOTATION.commit), mark(MARK.fingerprint)];
  const written = readPolicyStatus(recordOf(object)['status']);
  return {
    ...{ kind, namespace, name, generation },
    // What nodes would not take for a commit they don't report.
    ...(commit === undefined || !isCommit(commit) ? {} : { commit }),
    ...(fingerprint === undefined ? {} : { fingerprint }),
    ...(written === undefined ? {} : { written }),
  };
}

/** The policies that a source made, as they are in the cluster. */
import { ANNOTATION, refKey } from '@parapet/policy';
import type { PolicyRef } from '@parapet/policy';
import { livePolicy } from '../live-policy.ts';
import { readPolicyStatus } from '../policy-status.ts';
import type { PolicyStatus } from '../policy-status.ts';
import type { OperatedCluster, PolicyObject } from './ports.ts';
import type { SourceView } from './source-view.ts';

export interface MadePolicy extends PolicyRef {
  /** Where its author wrote it: `main.ts:12`. */
  readonly place?: string;
  /** Full hash. */
  readonly commit?: string;
  /** Absent where nobody has said anything of it yet. */
  readonly status?: PolicyStatus;
}

/** In order of name. Copies of a policy carry its labels and are not among them. */
export async function policiesMade(cluster: OperatedCluster, source: SourceView): Promise<readonly MadePolicy[]> {
  const policies = (await cluster.policies(source)).flatMap((one) => made(one, source) ?? []);
  return policies.toSorted((a, b) => (refKey(a) < refKey(b) ? -1 : 1));
}

function made({ kind, object }: PolicyObject, { uid }: SourceView): MadePolicy | undefined {
  const live = livePolicy(kind, object);
  if (live?.owner !== uid) return undefined;
  const { namespace, name, annotations } = live;
  const [place, commit, status] = [annotations[ANNOTATION.source], annotations[ANNOTATION.commit], readPolicyStatus(object['status'])];
  return {
    ...{ kind, namespace, name },
    ...(place === undefined ? {} : { place }),
    ...(commit === undefined ? {} : { commit }),
    ...(status === undefined ? {} : { status }),
  };
}

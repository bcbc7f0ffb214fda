/** The alert of a limit that has held something back, with the fields that other alerts have. */
import { withoutActor } from './alert.ts';
import type { Alert, Place } from './alert.ts';
import type { Bite } from './limits.ts';
import { limitText } from './limits.ts';

export interface LimitAlert extends Omit<Alert, 'operation'> {
  readonly operation: 'Resource';
}

const DATA = { memory: 'memory.max', pids: 'pids.max', cpu: 'cpu.max' } as const;

/** Builds the alert; nobody in particular did it, so no process is named. */
export function toLimitAlert(bite: Bite, place: Place & { readonly now: number }): LimitAlert {
  const { container, policy, resource, count } = bite;
  const { provenance } = policy;
  const rule = `spec.resources.${resource}`;
  return {
    ...withoutActor(place, { container, count }),
    policyName: policy.name,
    severity: '1',
    message: `${limitText(bite)}, which held it back ${count} time${count === 1 ? '' : 's'}`,
    operation: 'Resource',
    resource,
    data: `cgroup=${DATA[resource]}`,
    action: 'Block',
    result: 'Permission denied',
    policyNamespace: policy.namespace,
    policyKind: policy.kind,
    rule,
    repository: provenance.repository ?? '',
    commit: provenance.commit ?? '',
    sourceLine: provenance.rules[rule] ?? provenance.source ?? '',
  };
}

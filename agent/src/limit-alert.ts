/** The alert of a limit that has held something back, with the fields that other alerts have. */
import { containerFields, microseconds } from './alert.ts';
import type { Alert } from './alert.ts';
import type { Bite } from './limits.ts';
import { limitText } from './limits.ts';

export interface LimitAlert extends Omit<Alert, 'operation'> {
  readonly operation: 'Resource';
}

const DATA = { memory: 'memory.max', pids: 'pids.max', cpu: 'cpu.max' } as const;

/** Builds the alert; nobody in particular did it, so no process is named. */
export function toLimitAlert(bite: Bite, place: { readonly node: string; readonly cluster: string; readonly now: number }): LimitAlert {
  const { container, policy, resource, count } = bite;
  const { provenance } = policy;
  const rule = `spec.resources.${resource}`;
  return {
    timestamp: Math.floor(place.now / 1000),
    updatedTime: microseconds(place.now),
    clusterName: place.cluster,
    hostName: place.node,
    ...containerFields(container),
    hostPPid: 0,
    hostPid: 0,
    ppid: 0,
    pid: 0,
    uid: 0,
    parentProcessName: '',
    processName: '',
    enforcer: 'BPFLSM',
    policyName: policy.name,
    severity: '1',
    tags: '',
    atags: [],
    message: `${limitText(bite)}, which held it back ${count} time${count === 1 ? '' : 's'}`,
    type: 'MatchedPolicy',
    source: '',
    operation: 'Resource',
    resource,
    data: `cgroup=${DATA[resource]}`,
    action: 'Block',
    count,
    firstSeen: microseconds(place.now),
    lastSeen: microseconds(place.now),
    result: 'Permission denied',
    policyNamespace: policy.namespace,
    policyKind: policy.kind,
    rule,
    repository: provenance.repository ?? '',
    commit: provenance.commit ?? '',
    sourceLine: provenance.rules[rule] ?? provenance.source ?? '',
  };
}

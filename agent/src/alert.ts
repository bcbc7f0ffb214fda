/** Alerts: one line of JSON for an event, with KubeArmor's field names and where in the author's repository the rule stands. */
import { dataText, enforcerText, operationText, programOf, refKey, resourceText } from '@parapet/policy';
import type { AlertOperation, DecodedEvent } from '@parapet/policy';
import type { Explained } from './explain.ts';
import { labelText, podName } from './labels.ts';
import type { Container } from './ports.ts';

/** How the default posture is named where a policy's name stands. */
export const DEFAULT_POSTURE = 'DefaultPosture';

export interface Alert {
  /** Seconds since the epoch. */
  readonly timestamp: number;
  /** ISO 8601 with microseconds. */
  readonly updatedTime: string;
  readonly clusterName: string;
  readonly hostName: string;
  readonly namespaceName: string;
  readonly podName: string;
  readonly labels: string;
  readonly containerID: string;
  readonly containerName: string;
  readonly containerImage: string;
  readonly hostPPid: number;
  readonly hostPid: number;
  readonly ppid: number;
  readonly pid: number;
  readonly uid: number;
  readonly parentProcessName: string;
  readonly processName: string;
  readonly enforcer: ReturnType<typeof enforcerText>;
  readonly policyName: string;
  readonly severity: string;
  readonly tags: string;
  readonly atags: readonly string[];
  readonly message: string;
  readonly type: 'MatchedPolicy' | 'MatchedHostPolicy';
  readonly source: string;
  readonly operation: AlertOperation;
  readonly resource: string;
  readonly data: string;
  /** `Audit (Block)` and `Audit (Allow)`: what a rule, or an allow-list, would have blocked in a container that is not only audited. */
  readonly action: 'Audit' | 'Block' | 'Audit (Block)' | 'Audit (Allow)';
  readonly result: 'Passed' | 'Permission denied' | 'Operation not permitted';
  /** From here on Parapet's own; empty where there is nothing to say. */
  /** How many times this happened: more than once where the kernel counted rather than told each. */
  readonly count: number;
  /** The first and the last of them, like `updatedTime`. */
  readonly firstSeen: string;
  readonly lastSeen: string;
  readonly policyNamespace: string;
  readonly policyKind: string;
  /** The rule's field, `spec.process.matchPaths[0]`, or `DefaultPosture`. */
  readonly rule: string;
  readonly repository: string;
  readonly commit: string;
  /** `main.ts:12` */
  readonly sourceLine: string;
}

/** Where an event was. */
export interface Place {
  readonly node: string;
  readonly cluster: string;
  /** The container of a cgroup for which no rules were in force, where the runtime has told of it by now. */
  readonly containerIn?: (cgroup: bigint) => Container | undefined;
}

/** Builds the alert of an event. */
export function toAlert(explained: Explained, place: Place): Alert {
  const { record, event, origin } = explained;
  const container = origin?.container ?? (isOfUnknown(event) ? place.containerIn?.(event.cgroup) : undefined);
  const action = explained.action === 'Block' ? 'Block' : 'Audit';
  return {
    ...momentFields(place, record.time),
    ...containerFields(container),
    hostPPid: event.ppid,
    hostPid: event.tgid,
    ppid: event.nsPpid,
    pid: event.nsTgid,
    uid: event.uid,
    ...programs(explained),
    enforcer: enforcerText(event),
    ...policyFields(explained),
    type: event.container === 0 && !isOfUnknown(event) ? 'MatchedHostPolicy' : 'MatchedPolicy',
    operation: operationText(event),
    data: dataText(event, record.resource),
    action: action === 'Block' ? 'Block' : auditText(explained.why),
    count: record.count,
    firstSeen: microseconds(record.firstTime),
    lastSeen: microseconds(record.time),
    result: action === 'Audit' ? 'Passed' : refusalText(event),
  };
}

/** Refused before the container was known: the kernel has no number for it yet. */
function isOfUnknown({ reason }: DecodedEvent): boolean {
  return reason === 'unknownDenied';
}

function auditText(why: Explained['why']): Alert['action'] {
  const rule = why.type === 'rule' ? why.rule : why.type === 'posture' ? why.policy?.rules[0] : undefined;
  if (rule?.asWritten === undefined || (why.type === 'rule' && rule.asWritten === 'Audit')) return 'Audit';
  return why.type === 'posture' || rule.asWritten === 'Allow' ? 'Audit (Allow)' : 'Audit (Block)';
}

/** What the refused program was told: EPERM or EACCES. */
function refusalText({ section }: DecodedEvent): Alert['result'] {
  return section === 'capabilities' || section === 'hardening' || section === 'syscalls' ? 'Operation not permitted' : 'Permission denied';
}

type ContainerFields = Pick<Alert, 'namespaceName' | 'podName' | 'labels' | 'containerID' | 'containerName' | 'containerImage'>;

function containerFields(container: Container | undefined): ContainerFields {
  if (container === undefined)
    return { namespaceName: '', podName: '', labels: '', containerID: '', containerName: '', containerImage: '' };
  const { workload } = container;
  return {
    namespaceName: workload.namespace,
    podName: podName(workload),
    labels: labelText(workload.labels),
    containerID: container.id,
    containerName: workload.name,
    containerImage: container.image,
  };
}

/** When it was, in milliseconds since the epoch, and on which node. */
export function momentFields(
  { cluster, node }: Place,
  time: number,
): Pick<Alert, 'timestamp' | 'updatedTime' | 'clusterName' | 'hostName'> {
  return { timestamp: Math.floor(time / 1000), updatedTime: microseconds(time), clusterName: cluster, hostName: node };
}

/** What alerts say of things that nobody did: no program is named. */
export function withoutActor(
  place: Place & { readonly now: number },
  { container, count }: { container: Container | undefined; count: number },
) {
  return {
    ...momentFields(place, place.now),
    ...containerFields(container),
    hostPPid: 0,
    hostPid: 0,
    ppid: 0,
    pid: 0,
    uid: 0,
    parentProcessName: '',
    processName: '',
    enforcer: 'BPFLSM',
    tags: '',
    atags: [],
    type: 'MatchedPolicy',
    source: '',
    count,
    firstSeen: microseconds(place.now),
    lastSeen: microseconds(place.now),
  } as const;
}

/** The alert as one line without its end; every control character and quote in it is escaped. */
export function alertLine(alert: object): string {
  // JSON leaves these two as they are, and some readers of lines end a line there.
  return JSON.stringify(alert).replace(/[\u2028\u2029\u007f-\u009f]/g, (char) => `\\u${char.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

/** Who acted on what. An execution is the caller's act: the process it asks for is both the resource and, had it passed, the process. */
function programs({ record, event }: Explained): Pick<Alert, 'parentProcessName' | 'processName' | 'source' | 'resource'> {
  const resource = resourceText(event, record.resource);
  if (event.section === 'process') {
    return { parentProcessName: record.executable, processName: programOf(record.resource), source: record.executable, resource };
  }
  return { parentProcessName: record.parentExecutable, processName: record.executable, source: record.executable, resource };
}

type PolicyFields = Pick<
  Alert,
  | 'policyName'
  | 'policyNamespace'
  | 'policyKind'
  | 'rule'
  | 'severity'
  | 'tags'
  | 'atags'
  | 'message'
  | 'repository'
  | 'commit'
  | 'sourceLine'
>;

function policyFields({ why, event }: Explained): PolicyFields {
  const policy = why.type === 'unknown' ? undefined : why.policy;
  const from = {
    policyNamespace: policy?.namespace ?? '',
    policyKind: policy?.kind ?? '',
    repository: policy?.provenance.repository ?? '',
    commit: policy?.provenance.commit ?? '',
  };
  if (why.type === 'rule') {
    const { rule } = why;
    return {
      ...from,
      policyName: why.policy.name,
      rule: rule.field,
      severity: String(rule.severity),
      tags: rule.tags.join(','),
      atags: rule.tags,
      message: rule.message,
      sourceLine: why.policy.provenance.rules[rule.field] ?? why.policy.provenance.source ?? '',
    };
  }
  const silent = { rule: DEFAULT_POSTURE, severity: '', tags: '', atags: [], sourceLine: policy?.provenance.source ?? '' };
  return { ...from, ...silent, policyName: DEFAULT_POSTURE, message: silentMessage(why, event) };
}

function silentMessage(why: Exclude<Explained['why'], { type: 'rule' }>, event: DecodedEvent): string {
  if (isOfUnknown(event)) return `refused because no rules are known yet for the container of cgroup ${event.cgroup}`;
  if (why.type === 'unjudged') return `refused because it could not be judged: ${event.reason ?? 'no reason given'}`;
  if (why.type === 'unknown') return 'the rules that decided are no longer in force';
  if (event.section === 'hardening') return 'what guards the rules themselves is refused to a container that has rules';
  return why.policy === undefined ? 'no rule of an allow-list names it' : `no rule names it, and ${refKey(why.policy)} makes an allow-list`;
}

/** ISO 8601 with microseconds, of milliseconds since the epoch. */
export function microseconds(time: number): string {
  const whole = new Date(Math.floor(time / 1000) * 1000).toISOString().slice(0, -5);
  const micros = Math.min(999_999, Math.round((time % 1000) * 1000));
  return `${whole}.${String(micros).padStart(6, '0')}Z`;
}

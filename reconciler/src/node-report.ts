/** Reading NodeReports: a node may be taken over, so nothing in its report is believed to have the right shape. */
import { REPORT_API_VERSION } from '@parapet/policy';
import type { NodeReport, PolicyReport, ViolationReport } from '@parapet/policy';

const KINDS = ['KubeArmorPolicy', 'KubeArmorClusterPolicy', 'KubeArmorHostPolicy'];
const STATES = ['Enforced', 'Degraded', 'Rejected', 'Pending'];
const ACTIONS = ['Allow', 'Audit', 'Block'];
const OPERATIONS = ['Process', 'File', 'Network', 'Capabilities', 'Syscall', 'Hardening'];
/** More of either in one report is not a report any more. */
const MAX_ENTRIES = 100_000;

type Check = (value: unknown) => boolean;
const text: Check = (value) => typeof value === 'string' && value.length <= 8192;
const wholeNumber: Check = (value) => Number.isSafeInteger(value) && (value as number) >= 0;
const optionalText: Check = (value) => value === undefined || text(value);
const optionalNumber: Check = (value) => value === undefined || wholeNumber(value);
/** `namespace/Kind/name`, in the characters that Kubernetes lets them have. */
const optionalWorkload: Check = (value) =>
  value === undefined || (typeof value === 'string' && value.length <= 512 && /^[a-z0-9-]+\/[A-Za-z0-9]+\/[A-Za-z0-9.:_-]+$/.test(value));
const oneOf =
  (values: readonly string[]): Check =>
  (value) =>
    typeof value === 'string' && values.includes(value);

const POLICY: Record<keyof PolicyReport, Check> & Record<string, Check> = {
  kind: oneOf(KINDS),
  namespace: text,
  name: text,
  state: oneOf(STATES),
  message: text,
  commit: optionalText,
  generation: optionalNumber,
  containers: wholeNumber,
};

const VIOLATION: Record<keyof ViolationReport, Check> & Record<string, Check> = {
  kind: oneOf(KINDS),
  namespace: text,
  name: text,
  rule: text,
  action: oneOf(ACTIONS),
  operation: oneOf(OPERATIONS),
  resource: text,
  severity: wholeNumber,
  message: text,
  count: wholeNumber,
  firstSeen: text,
  lastSeen: text,
  commit: optionalText,
  source: optionalText,
  workload: optionalWorkload,
};

/** The report, or why it is none: one sentence that holds nothing of the report but field names. */
export function readNodeReport(value: unknown): { readonly report: NodeReport } | { readonly wrong: string } {
  if (!isRecord(value) || value['apiVersion'] !== REPORT_API_VERSION || value['kind'] !== 'NodeReport') {
    return { wrong: `it is not a NodeReport of ${REPORT_API_VERSION}` };
  }
  const { metadata, status } = value;
  if (!isRecord(metadata) || !text(metadata['name'])) return { wrong: 'metadata.name is missing' };
  if (!isRecord(status)) return { wrong: 'status is missing' };
  for (const field of ['observedAt', 'enforcer', 'kernel']) if (!text(status[field])) return { wrong: `status.${field} is not a text` };
  if (!isRecord(status['counters'])) return { wrong: 'status.counters is not an object' };
  const wrong = listFault(status['policies'], 'policies', POLICY) ?? listFault(status['violations'], 'violations', VIOLATION);
  return wrong === undefined ? { report: value as unknown as NodeReport } : { wrong };
}

function listFault(list: unknown, field: string, checks: Record<string, Check>): string | undefined {
  if (!Array.isArray(list)) return `status.${field} is not a list`;
  if (list.length > MAX_ENTRIES) return `status.${field} has more than ${MAX_ENTRIES} entries`;
  // A thousand nodes say a thousand of these every few seconds.
  const all = Object.entries(checks);
  for (const [index, item] of (list as readonly unknown[]).entries()) {
    if (!isRecord(item)) return `status.${field}[${index}] is not an object`;
    const fault = all.find(([key, check]) => !check(Object.hasOwn(item, key) ? item[key] : undefined));
    if (fault !== undefined) return `status.${field}[${index}].${fault[0]} is not what it should be`;
  }
  return undefined;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/**
 * Recorded telemetry: alerts and logs with KubeArmor's field names, as the agent and KubeArmor's files write them (`processName`) or as `karmor logs
 * --json` prints them (`ProcessName`). Whoever wrote the file may be anybody: only own properties count, and everything is bounded.
 */
import { HOSTNAME_LABELS } from './match.ts';
import type { Workload } from './model.ts';

/** What one record says, as far as a verdict depends on it. */
export interface TelemetryRecord {
  readonly type: string;
  readonly operation: string;
  readonly action: string;
  /** The node. */
  readonly host: string;
  readonly namespace: string;
  readonly pod: string;
  readonly container: string;
  readonly labels: string;
  /** What made the pod, `Deployment web`, where the record says so. */
  readonly owner: string;
  readonly process: string;
  readonly parent: string;
  readonly source: string;
  readonly resource: string;
  readonly data: string;
  readonly enforcer: string;
  readonly tty: string;
  /** The rule that decided then; empty where Parapet's own fields are missing. */
  readonly policyKind: string;
  readonly policyNamespace: string;
  readonly policyName: string;
  readonly rule: string;
  readonly commit: string;
  /** Whether Parapet wrote it: its records hold of arguments only one that was refused. */
  readonly own: boolean;
}

/** How often it happened, and when first and last in milliseconds since the epoch, where that is said. */
export interface Happened {
  readonly count: number;
  readonly first?: number;
  readonly last?: number;
}

export type TelemetryReading =
  | { readonly record: TelemetryRecord; readonly happened: Happened }
  /** Why it is no record: a sentence that holds nothing of it. */
  | { readonly fault: string };

/** Longest text in a record, in UTF-16 units: a path has at most 4,096 bytes. */
const MAX_TEXT = 16_384;
const MAX_TITLE = 256;
/** Longest line of a file of records. */
export const MAX_TELEMETRY_LINE = 262_144;

const TEXTS = {
  type: 'type',
  operation: 'operation',
  action: 'action',
  host: 'hostName',
  namespace: 'namespaceName',
  pod: 'podName',
  container: 'containerName',
  labels: 'labels',
  process: 'processName',
  parent: 'parentProcessName',
  source: 'source',
  resource: 'resource',
  data: 'data',
  enforcer: 'enforcer',
  tty: 'tty',
  policyKind: 'policyKind',
  policyNamespace: 'policyNamespace',
  policyName: 'policyName',
  rule: 'rule',
  commit: 'commit',
} as const satisfies Partial<Record<keyof TelemetryRecord, string>>;

/** Reads a line of a file of records. */
export function readTelemetryLine(line: string): TelemetryReading {
  if (line.length > MAX_TELEMETRY_LINE) return { fault: `it is longer than ${MAX_TELEMETRY_LINE} characters` };
  try {
    return readTelemetry(JSON.parse(line));
  } catch {
    return { fault: 'it is not JSON' };
  }
}

/** Reads a record. */
export function readTelemetry(value: unknown): TelemetryReading {
  if (!isRecord(value)) return { fault: 'it is not an object' };
  const texts: Partial<Record<keyof typeof TEXTS, string>> = {};
  for (const [key, name] of Object.entries(TEXTS)) {
    const text = fieldOf(value, name) ?? '';
    if (typeof text !== 'string') return { fault: `${name} is not a text` };
    if (text.length > MAX_TEXT) return { fault: `${name} is longer than ${MAX_TEXT} characters` };
    texts[key as keyof typeof TEXTS] = text;
  }
  const record = { ...(texts as Record<keyof typeof TEXTS, string>), owner: ownerOf(value), own: Object.hasOwn(value, 'policyKind') };
  if (record.type === '' || record.operation === '') return { fault: 'it is no alert and no log: type or operation is missing' };
  return { record, happened: happenedOf(value) };
}

/** A field in one of the two ways in which KubeArmor writes it. */
function fieldOf(record: Readonly<Record<string, unknown>>, name: string): unknown {
  if (Object.hasOwn(record, name)) return record[name] ?? undefined;
  const capital = name === 'tty' ? 'TTY' : `${name.charAt(0).toUpperCase()}${name.slice(1)}`;
  return Object.hasOwn(record, capital) ? (record[capital] ?? undefined) : undefined;
}

function ownerOf(record: Readonly<Record<string, unknown>>): string {
  const owner = fieldOf(record, 'owner');
  if (!isRecord(owner)) return '';
  const [ref, name] = [fieldOf(owner, 'ref'), fieldOf(owner, 'name')];
  return typeof ref === 'string' && typeof name === 'string' && name !== '' ? `${ref} ${name}`.trim().slice(0, 512) : '';
}

function happenedOf(record: Readonly<Record<string, unknown>>): Happened {
  const count = fieldOf(record, 'count');
  const seconds = fieldOf(record, 'timestamp');
  const at = timeOf(fieldOf(record, 'updatedTime')) ?? (isCount(seconds) && seconds < 1e11 ? seconds * 1000 : undefined);
  const [first, last] = [timeOf(fieldOf(record, 'firstSeen')) ?? at, timeOf(fieldOf(record, 'lastSeen')) ?? at];
  return {
    count: isCount(count) ? count : 1,
    ...(first === undefined ? {} : { first }),
    ...(last === undefined ? {} : { last }),
  };
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) > 0;
}

/** Milliseconds since the epoch of a time as alerts write it. */
function timeOf(value: unknown): number | undefined {
  if (typeof value !== 'string' || !/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d{1,9})?Z$/.test(value)) return undefined;
  const time = Date.parse(value);
  return Number.isNaN(time) ? undefined : time;
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** Whose access it was, and what is not known of it. */
export interface Actor {
  readonly workload: Workload;
  /** Whether its labels are all known; of the node itself only its name ever is. */
  readonly labelled: boolean;
  /** Whether the container's name is known. */
  readonly named: boolean;
  /** `shop/web`; all pods of one deployment, set or job are one. */
  readonly title: string;
}

/** The workload of a record; undefined where it does not say of which container or node it is. */
export function actorOf(record: TelemetryRecord): Actor | undefined {
  const { host, namespace, container, labels } = record;
  if (/^(Matched)?Host/.test(record.type)) {
    if (host === '') return undefined;
    const known = Object.fromEntries(HOSTNAME_LABELS.map((key) => [key, host]));
    const workload = { host: true, namespace: '', name: host, labels: known };
    return { workload, labelled: false, named: true, title: titleOf(`node ${host}`) };
  }
  if (namespace === '') return undefined;
  const workload = { host: false, namespace, name: container, labels: readLabels(labels) };
  return { workload, labelled: labels !== '', named: container !== '', title: titleOf(`${namespace}/${workloadName(record)}`) };
}

/** Names in a cluster are never longer; those in a file may be. */
function titleOf(text: string): string {
  return text.length > MAX_TITLE ? `${text.slice(0, MAX_TITLE - 1)}…` : text;
}

/** `app=web,tier=front`. A part without `=` belongs to the value before it, which then has a comma. */
function readLabels(text: string): Readonly<Record<string, string>> {
  const labels: [string, string][] = [];
  for (const part of text.split(',')) {
    const at = part.indexOf('=');
    const last = labels.at(-1);
    if (at > 0) labels.push([part.slice(0, at).trim(), part.slice(at + 1)]);
    else if (last !== undefined) last[1] += `,${part}`;
  }
  return Object.fromEntries(labels);
}

/** The letters and digits of the suffixes that Kubernetes makes up: no vowels. */
const SUFFIX = '[bcdfghjklmnpqrstvwxz2456789]';
const REPLICA = new RegExp(`(-${SUFFIX}{6,10})?-${SUFFIX}{5}$|-\\d{1,4}$`);

function workloadName({ owner, pod, container }: TelemetryRecord): string {
  if (owner !== '') return owner.slice(owner.indexOf(' ') + 1).replace(/-[0-9a-f]{8,10}$/, '');
  const name = pod === '' ? container : pod.replace(REPLICA, '');
  return name === '' ? '(unnamed)' : name;
}

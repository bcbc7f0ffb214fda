/** The status of a PolicySource as it comes from the API: what is malformed is left out, as if it had never been written. */
import { MAX_HISTORY, OUTCOMES } from './source-status.ts';
import type { Condition, HistoryEntry, PolicyCounts, SourceStatus } from './source-status.ts';

const TYPES = ['Ready', 'Reconciling', 'Stalled'] as const;
const STATUSES = ['True', 'False', 'Unknown'] as const;
const MAX_TEXT = 32_768;

type Json = Readonly<Record<string, unknown>>;

/** Reads `status` of an object; never throws. */
export function readSourceStatus(value: unknown): SourceStatus {
  const status = recordOf(value);
  const observedGeneration = wholeOf(status, 'observedGeneration');
  const policies = readCounts(status['policies']);
  const texts = ['lastAttemptedRevision', 'lastAppliedRevision', 'lastAppliedDigest', 'lastHandledReconcileAt'] as const;
  return {
    ...(observedGeneration === undefined ? {} : { observedGeneration }),
    conditions: readConditions(status['conditions']),
    ...Object.fromEntries(texts.map((key) => [key, textOf(status, key)] as const).filter(([, text]) => text !== undefined)),
    ...(policies === undefined ? {} : { policies }),
    history: listOf(status['history'])
      .map(readEntry)
      .filter((entry) => entry !== undefined)
      .slice(0, MAX_HISTORY),
  };
}

/** Ours, each type once. */
function readConditions(value: unknown): readonly Condition[] {
  const found = listOf(value).map(readCondition);
  return TYPES.flatMap((type) => found.find((one) => one?.type === type) ?? []);
}

function readCondition(value: unknown): Condition | undefined {
  const one = recordOf(value);
  const type = TYPES.find((known) => known === one['type']);
  const status = STATUSES.find((known) => known === one['status']);
  const lastTransitionTime = timeOf(one, 'lastTransitionTime');
  if (type === undefined || status === undefined || lastTransitionTime === undefined) return undefined;
  const observedGeneration = wholeOf(one, 'observedGeneration') ?? 0;
  return {
    type,
    status,
    reason: textOf(one, 'reason') ?? 'Unknown',
    message: textOf(one, 'message') ?? '',
    lastTransitionTime,
    observedGeneration,
  };
}

function readEntry(value: unknown): HistoryEntry | undefined {
  const entry = recordOf(value);
  const outcome = OUTCOMES.find((known) => known === entry['outcome']);
  const [startedAt, finishedAt] = [timeOf(entry, 'startedAt'), timeOf(entry, 'finishedAt')];
  if (outcome === undefined || startedAt === undefined || finishedAt === undefined) return undefined;
  const [revision, digest] = [textOf(entry, 'revision'), textOf(entry, 'digest')];
  return {
    ...(revision === undefined ? {} : { revision }),
    ...(digest === undefined ? {} : { digest }),
    outcome,
    message: textOf(entry, 'message') ?? '',
    startedAt,
    finishedAt,
    count: Math.max(wholeOf(entry, 'count') ?? 1, 1),
  };
}

function readCounts(value: unknown): PolicyCounts | undefined {
  const counts = recordOf(value);
  const total = wholeOf(counts, 'total');
  if (total === undefined) return undefined;
  const count = (key: string): number => wholeOf(counts, key) ?? 0;
  const pending = wholeOf(counts, 'pending');
  const known = { total, enforced: count('enforced'), degraded: count('degraded'), refused: count('refused') };
  return pending === undefined ? known : { ...known, pending };
}

/** Own properties only. */
function recordOf(value: unknown): Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value) ? { ...value } : {};
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value.slice(0, 100) : [];
}

function textOf(record: Json, key: string): string | undefined {
  const text = record[key];
  return typeof text === 'string' && text.length <= MAX_TEXT ? text : undefined;
}

function timeOf(record: Json, key: string): string | undefined {
  const text = textOf(record, key);
  return text === undefined || text.length > 64 || Number.isNaN(Date.parse(text)) ? undefined : text;
}

function wholeOf(record: Json, key: string): number | undefined {
  const number = record[key];
  return Number.isSafeInteger(number) && (number as number) >= 0 ? (number as number) : undefined;
}

/** The outbox as it is stored: read back with nothing believed, since a stored value may be damaged. */
import type { Annotation, CommitStatus } from './ports.ts';
import type { Entry } from './outbox-entry.ts';
import type { StatusState } from './outcome.ts';

/** A host can't silence us for longer, and a clock that was set back can't either. Milliseconds. */
export const LONGEST_WAIT_MS = 3_600_000;
/** Longer texts are none of ours. */
const MAX_TEXT = 32_768;
/** Ours have two statuses; those of the first version had up to four. */
const MAX_QUEUE = 4;

const VERSION = 2;
const STATES: readonly string[] = ['pending', 'success', 'failure', 'error'] satisfies StatusState[];

export interface OutboxRecord {
  readonly version: typeof VERSION;
  readonly heldUntil: number;
  readonly entries: readonly Entry[];
}

export function record(heldUntil: number, entries: readonly Entry[]): OutboxRecord {
  return { version: VERSION, heldUntil, entries };
}

/** What is left of a stored outbox: entries that are damaged are left out. `now` in milliseconds since the epoch. */
export function readRecord(value: unknown, now: number): OutboxRecord {
  if (!isRecord(value) || !Array.isArray(value['entries'])) return record(0, []);
  // An outbox that didn't write down what it sends may have sent the first of each queue.
  const unsure = value['version'] !== VERSION;
  const entries = (value['entries'] as readonly unknown[]).map((entry) => readEntry(entry, { now, unsure }));
  return record(
    soon(value['heldUntil'], now),
    entries.filter((entry) => entry !== undefined),
  );
}

function readEntry(value: unknown, about: { readonly now: number; readonly unsure: boolean }): Entry | undefined {
  if (!isRecord(value)) return undefined;
  const { commit, context, posted, closed, writes } = value;
  if (!isText(commit) || !isText(context) || !isCount(writes) || typeof closed !== 'boolean') return undefined;
  const queue = readQueue(value['queue'], { commit, context });
  const shown = posted === undefined ? undefined : readStatus(posted, { commit, context });
  if (queue === undefined || (posted !== undefined && shown === undefined)) return undefined;
  const refused = queue.length > 0 && value['refused'] === true;
  return {
    commit,
    context,
    queue,
    ...(shown === undefined ? {} : { posted: shown }),
    sending: queue.length > 0 && (about.unsure || value['sending'] !== false),
    refused,
    closed,
    writes,
    attempts: countOf(value['attempts']),
    // Whoever starts us again may have mended what the host refused.
    notBefore: refused ? 0 : soon(value['notBefore'], about.now),
  };
}

/** All or nothing: an end without what came before it would be out of order. */
function readQueue(value: unknown, about: Pick<CommitStatus, 'commit' | 'context'>): CommitStatus[] | undefined {
  if (!Array.isArray(value) || value.length > MAX_QUEUE) return undefined;
  const queue = (value as readonly unknown[]).map((status) => readStatus(status, about)).filter((status) => status !== undefined);
  return queue.length === value.length ? queue : undefined;
}

/** One under another's name is none: it would never be settled, and posted for ever. */
function readStatus(value: unknown, about: Pick<CommitStatus, 'commit' | 'context'>): CommitStatus | undefined {
  if (!isRecord(value) || value['commit'] !== about.commit || value['context'] !== about.context) return undefined;
  const { state, description, targetUrl, summary, annotations } = value;
  if (!STATES.includes(state as string) || !isText(description) || !(targetUrl === undefined || isText(targetUrl))) return undefined;
  return {
    ...about,
    state: state as StatusState,
    description,
    ...(targetUrl === undefined ? {} : { targetUrl }),
    ...(isText(summary) ? { summary } : {}),
    ...(Array.isArray(annotations) ? { annotations: annotations.filter(isAnnotation) } : {}),
  };
}

function isAnnotation(value: unknown): value is Annotation {
  if (!isRecord(value) || !isCount(value['line'])) return false;
  return isText(value['path']) && isText(value['message']) && (value['level'] === 'failure' || value['level'] === 'warning');
}

/** A time that is not too far ahead of `now`; anything else is now. */
function soon(value: unknown, now: number): number {
  return Math.min(countOf(value), now + LONGEST_WAIT_MS);
}

function countOf(value: unknown): number {
  return isCount(value) ? value : 0;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value.length <= MAX_TEXT;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** PolicySources for a terminal. */
import type { SourceView } from '@parapet/reconciler';
import { columns } from './columns.ts';
import { harmless } from './exit.ts';

/** Characters of a message in a table; one source's is shown whole below. */
const MAX_MESSAGE = 100;
const NONE = '-';

/** A row for each; `isWide` also says its namespace. */
export function sourceTable(sources: readonly SourceView[], { now, isWide }: { readonly now: number; readonly isWide: boolean }): string {
  const head = ['NAME', 'READY', 'REVISION', 'POLICIES', 'AGE', 'SUSPENDED', 'MESSAGE'];
  const rows = sources.map((source) => [
    ...(isWide ? [source.namespace] : []),
    source.name,
    conditionOf(source, 'Ready')?.status ?? 'Unknown',
    revisionText(source.status.lastAppliedRevision),
    policiesText(source.status.policies),
    source.created === undefined ? NONE : ageText(now - source.created),
    source.isSuspended ? 'True' : 'False',
    clipped(messageOf(source)),
  ]);
  return columns([isWide ? ['NAMESPACE', ...head] : head, ...rows]);
}

/** One source with all that is known of it. */
export function sourceText(source: SourceView, now: number): string {
  const { status } = source;
  const facts = [
    ['URL', source.url],
    ['Path', source.path],
    ['Applied', status.lastAppliedRevision ?? NONE],
    ['Attempted', status.lastAttemptedRevision ?? NONE],
  ];
  const conditions = status.conditions.map((one) => [`  ${one.type}`, one.status, one.reason, sinceText(one.lastTransitionTime, now)]);
  const runs = status.history.map((run) => [
    `  ${sinceText(run.finishedAt, now)}`,
    run.outcome,
    revisionText(run.revision),
    String(run.count),
    clipped(run.message),
  ]);
  return [
    sourceTable([source], { now, isWide: false }),
    columns(facts),
    `Message:\n  ${harmless(messageOf(source))}\n`,
    conditions.length === 0 ? '' : `Conditions:\n${columns([['  TYPE', 'STATUS', 'REASON', 'SINCE'], ...conditions])}`,
    runs.length === 0 ? '' : `History:\n${columns([['  AGO', 'OUTCOME', 'REVISION', 'TIMES', 'MESSAGE'], ...runs])}`,
  ]
    .filter((part) => part !== '')
    .join('\n');
}

export function conditionOf({ status }: SourceView, type: string): SourceView['status']['conditions'][number] | undefined {
  return status.conditions.find((condition) => condition.type === type);
}

/** What is said of it in one sentence. */
export function messageOf(source: SourceView): string {
  const ready = conditionOf(source, 'Ready');
  if (ready === undefined) return 'the reconciler has not looked at it yet';
  const isOld = ready.observedGeneration < source.generation;
  return `${isOld ? '(before its last change) ' : ''}${ready.message === '' ? ready.reason : ready.message}`;
}

/** `main@sha1:0123456789ab`: enough of the hash to find the commit by. */
export function revisionText(revision: string | undefined): string {
  return revision === undefined ? NONE : revision.replace(/\b([0-9a-f]{12})[0-9a-f]{28,52}$/, '$1');
}

/** `3/4, 1 degraded`: how many of all policies every node enforces, and what is wrong with others. */
export function policiesText(counts: SourceView['status']['policies']): string {
  if (counts === undefined) return NONE;
  const { enforced, total, degraded, refused } = counts;
  const parts = [`${enforced}/${total}`, degraded > 0 ? `${degraded} degraded` : '', refused > 0 ? `${refused} refused` : ''];
  return parts.filter((part) => part !== '').join(', ');
}

function sinceText(time: string, now: number): string {
  return ageText(now - Date.parse(time));
}

const UNITS = [
  ['d', 86_400],
  ['h', 3600],
  ['m', 60],
] as const;

/** At least two of the largest unit that fits: `119s`, `5m`, `47h`, `12d`. */
export function ageText(milliseconds: number): string {
  const seconds = Math.max(0, Math.floor(milliseconds / 1000));
  const [unit, length] = UNITS.find(([, size]) => seconds >= 2 * size) ?? ['s', 1];
  return `${Math.floor(seconds / length)}${unit}`;
}

function clipped(message: string): string {
  return message.length > MAX_MESSAGE ? `${message.slice(0, MAX_MESSAGE - 1).replace(/[\ud800-\udbff]$/, '')}…` : message;
}

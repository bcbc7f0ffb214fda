/** What is known of a commit's violations, as it is stored; a stored value may be damaged. */

/** A counter by its hash: as it was last seen, and how much of that came since the commit was green. */
export type Series = [key: string, seen: number, since: number];

export interface ViolationsRecord {
  version: 1;
  commit: string;
  /** What the status says; `none` before there is one. */
  colour: 'none' | 'green' | 'red';
  series: readonly Series[];
  /** Counters that are not followed one by one, added up. */
  others: number;
  /** Hashes of the rules and workloads that were hit since green. */
  known: readonly string[];
  /** Violations of this commit, and how many of them came before it was green. */
  total: number;
  before: number;
  /** The newest violation, by our clock. */
  last: { readonly at: number; readonly name: string };
  /** When a red status was said last, and what was known then. */
  written: { readonly at: number; readonly known: number; readonly count: number };
}

type Check = (value: unknown) => boolean;

const listOf =
  (check: Check): Check =>
  (value) =>
    Array.isArray(value) && value.every(check);
const FIELDS: Readonly<Record<keyof ViolationsRecord, Check>> = {
  version: (value) => value === 1,
  commit: (value) => typeof value === 'string',
  // What was said of nothing need not be stored.
  colour: (value) => value === 'green' || value === 'red',
  series: listOf((value) => Array.isArray(value) && value.length === 3 && isKey(value[0]) && isCount(value[1]) && isCount(value[2])),
  others: isCount,
  known: listOf(isKey),
  total: isCount,
  before: isCount,
  last: (value) => isRecord(value) && isTime(value['at']) && isName(value['name']),
  written: (value) => isRecord(value) && isTime(value['at']) && isCount(value['known']) && isCount(value['count']),
};

/** The record of this commit, or an empty one. */
export function readViolations(value: unknown, commit: string): ViolationsRecord {
  const empty: ViolationsRecord = {
    version: 1,
    commit,
    colour: 'none',
    series: [],
    others: 0,
    known: [],
    total: 0,
    before: 0,
    last: { at: 0, name: '' },
    written: { at: 0, known: 0, count: 0 },
  };
  if (!isRecord(value) || Object.entries(FIELDS).some(([field, check]) => !check(value[field]))) return empty;
  const { series, known, last, written, ...stored } = value as unknown as ViolationsRecord;
  if (stored.commit !== commit || stored.before > stored.total) return empty;
  return {
    ...empty,
    colour: stored.colour,
    series: series.map(([key, seen, since]) => [key, seen, since]),
    others: stored.others,
    known: [...known],
    total: stored.total,
    before: stored.before,
    last: { at: last.at, name: last.name },
    written: { at: written.at, known: written.known, count: written.count },
  };
}

function isKey(value: unknown): boolean {
  return typeof value === 'string' && value.length <= 32;
}

function isName(value: unknown): boolean {
  return typeof value === 'string' && value.length <= 60;
}

function isCount(value: unknown): value is number {
  return Number.isSafeInteger(value) && (value as number) >= 0;
}

/** Any that a date can be made of. */
function isTime(value: unknown): value is number {
  return isCount(value) && value <= 8.64e15;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

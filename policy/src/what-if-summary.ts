/** What-if over many records: how many accesses, by which rules, in which workloads, and that in one line. */
import type { PolicyRef } from './report.ts';
import { refKey } from './ref.ts';
import { readTelemetry } from './telemetry.ts';
import type { Happened, TelemetryReading, TelemetryRecord } from './telemetry.ts';
import { judge, WHAT_IF_OUTCOMES } from './what-if.ts';
import type { Judgement, WhatIfOutcome } from './what-if.ts';
import type { PolicySet } from './what-if-side.ts';

/** Accesses by what would become of them. */
export type WhatIfCounts = Readonly<Record<WhatIfOutcome, number>>;

/** Accesses that one rule decides otherwise. */
export interface WhatIfRule {
  readonly outcome: WhatIfOutcome;
  readonly policy?: PolicyRef;
  readonly rule?: string;
  /** `main.ts:12` */
  readonly source?: string;
  readonly count: number;
  /** Workloads, the first hundred. */
  readonly workloads: readonly string[];
  /** What was done, for the first three: `/usr/bin/curl by /bin/sh`. */
  readonly examples: readonly string[];
}

export interface WhatIfWorkload {
  readonly workload: string;
  readonly counts: WhatIfCounts;
}

export interface WhatIfSummary {
  /** Records that were read, those of no access among them. */
  readonly records: number;
  /** What was no record. */
  readonly unreadable: number;
  readonly counts: WhatIfCounts;
  /** The worst and most frequent first. */
  readonly rules: readonly WhatIfRule[];
  /** Those in which something changes or is undecidable; likewise. */
  readonly workloads: readonly WhatIfWorkload[];
  /** Why accesses are undecidable and what records are of that are of no access; the most frequent first. */
  readonly reasons: readonly { readonly outcome: WhatIfOutcome; readonly why: string; readonly count: number }[];
  /** Of all records, in milliseconds since the epoch; absent where none says when it was. */
  readonly first?: number;
  readonly last?: number;
}

/** More rows of a kind are only counted: their sums are right, their names are missing. */
const MAX_ROWS = 1_000;
const MAX_WORKLOADS = 100;
const MAX_EXAMPLES = 3;
const MAX_EXAMPLE = 120;
/** Records repeat themselves; when so many different ones are known, they are forgotten. */
const MAX_KNOWN = 20_000;

interface RuleRow {
  readonly judgement: Judgement;
  count: number;
  readonly workloads: Set<string>;
  readonly examples: Set<string>;
}

/** Replays records, one after the other. */
export class WhatIf {
  readonly #sets: { readonly before: PolicySet; readonly after: PolicySet };
  readonly #withArguments: boolean;
  readonly #known = new Map<string, Judgement>();
  readonly #counts = noCounts();
  readonly #rules = new Map<string, RuleRow>();
  readonly #workloads = new Map<string, Record<WhatIfOutcome, number>>();
  readonly #reasons = new Map<string, { readonly outcome: WhatIfOutcome; readonly why: string; count: number }>();
  #records = 0;
  #unreadable = 0;
  #first = Infinity;
  #last = -Infinity;

  /** `withArguments: false`: examples name programs without what they were called with, for readers who may not see that. */
  constructor(sets: { readonly before: PolicySet; readonly after: PolicySet }, { withArguments = true } = {}) {
    this.#sets = sets;
    this.#withArguments = withArguments;
  }

  /** Replays a record; what is wrong with it where it is none. */
  add(value: unknown): Judgement | { readonly fault: string } {
    return this.addReading(readTelemetry(value));
  }

  /** The same for one that `readTelemetryLine` has read. */
  addReading(reading: TelemetryReading): Judgement | { readonly fault: string } {
    if ('fault' in reading) {
      this.#unreadable += 1;
      return reading;
    }
    const { record, happened } = reading;
    const judgement = this.#judge(record);
    this.#records += 1;
    this.#note(happened);
    this.#counts[judgement.outcome] = sum(this.#counts[judgement.outcome], happened.count);
    if (judgement.why !== undefined) this.#addReason(judgement.outcome, judgement.why, happened.count);
    if (judgement.outcome === 'unchanged' || judgement.outcome === 'other') return judgement;
    if (judgement.workload !== undefined) this.#addWorkload(judgement.workload, judgement.outcome, happened.count);
    if (judgement.outcome !== 'undecidable') this.#addRule(judgement, record, happened.count);
    return judgement;
  }

  summary(): WhatIfSummary {
    const rules = [...this.#rules.values()].map(({ judgement, count, workloads, examples }): WhatIfRule => {
      const { outcome, by } = judgement;
      return { outcome, ...by, count, workloads: [...workloads].sort(), examples: [...examples] };
    });
    const workloads = [...this.#workloads].map(([workload, counts]) => ({ workload, counts: { ...counts } }));
    return {
      records: this.#records,
      unreadable: this.#unreadable,
      counts: { ...this.#counts },
      rules: rules.sort((a, b) => severity(a.outcome) - severity(b.outcome) || b.count - a.count || (ruleKey(a) < ruleKey(b) ? -1 : 1)),
      workloads: workloads.sort((a, b) => compareCounts(a.counts, b.counts) || (a.workload < b.workload ? -1 : 1)),
      reasons: [...this.#reasons.values()].map((one) => ({ ...one })).sort((a, b) => b.count - a.count || (a.why < b.why ? -1 : 1)),
      ...(this.#first <= this.#last ? { first: this.#first, last: this.#last } : {}),
    };
  }

  #judge(record: TelemetryRecord): Judgement {
    const key = JSON.stringify(Object.values(record));
    const known = this.#known.get(key);
    if (known !== undefined) return known;
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    const judgement = judge(record, this.#sets);
    this.#known.set(key, judgement);
    return judgement;
  }

  #note({ first, last }: Happened): void {
    if (first !== undefined) this.#first = Math.min(this.#first, first);
    if (last !== undefined) this.#last = Math.max(this.#last, last);
  }

  #addReason(outcome: WhatIfOutcome, why: string, count: number): void {
    const known = this.#reasons.get(why) ?? { outcome, why, count: 0 };
    known.count = sum(known.count, count);
    this.#reasons.set(why, known);
  }

  #addWorkload(workload: string, outcome: WhatIfOutcome, count: number): void {
    const counts = this.#workloads.get(workload) ?? noCounts();
    if (this.#workloads.size >= MAX_ROWS && !this.#workloads.has(workload)) return;
    counts[outcome] = sum(counts[outcome], count);
    this.#workloads.set(workload, counts);
  }

  #addRule(judgement: Judgement, record: TelemetryRecord, count: number): void {
    const { outcome, by, workload = '' } = judgement;
    const key = ruleKey({ outcome, ...by });
    const row = this.#rules.get(key) ?? { judgement, count: 0, workloads: new Set(), examples: new Set() };
    if (this.#rules.size >= MAX_ROWS && !this.#rules.has(key)) return;
    row.count = sum(row.count, count);
    if (row.workloads.size < MAX_WORKLOADS) row.workloads.add(workload);
    if (row.examples.size < MAX_EXAMPLES) row.examples.add(exampleOf(record, this.#withArguments));
    this.#rules.set(key, row);
  }
}

function noCounts(): Record<WhatIfOutcome, number> {
  return { 'would-block': 0, 'would-audit': 0, 'no-longer-blocked': 0, 'no-longer-audited': 0, undecidable: 0, unchanged: 0, other: 0 };
}

/** Counts are whatever the file says. */
function sum(a: number, b: number): number {
  return Math.min(a + b, Number.MAX_SAFE_INTEGER);
}

function severity(outcome: WhatIfOutcome): number {
  return WHAT_IF_OUTCOMES.indexOf(outcome);
}

function compareCounts(a: WhatIfCounts, b: WhatIfCounts): number {
  const differing = WHAT_IF_OUTCOMES.find((outcome) => a[outcome] !== b[outcome]);
  return differing === undefined ? 0 : b[differing] - a[differing];
}

function ruleKey({ outcome, policy, rule = '' }: Pick<WhatIfRule, 'outcome' | 'policy' | 'rule'>): string {
  return JSON.stringify([outcome, policy === undefined ? '' : refKey(policy), rule]);
}

/** `/usr/bin/curl by /bin/sh`; whoever prints it must make it harmless. */
function exampleOf({ operation, resource, process, source, parent }: TelemetryRecord, withArguments: boolean): string {
  // Arguments come after the program, and may be passwords.
  const shown = (command: string): string => (withArguments ? command : (command.split(' ', 1)[0] ?? ''));
  const isExecution = operation === 'Process';
  const actor = shown(isExecution ? parent || source : process || source);
  const what = isExecution ? shown(resource) : resource;
  const text = actor === '' ? what : `${what} by ${actor}`;
  return text.length > MAX_EXAMPLE ? `${text.slice(0, MAX_EXAMPLE - 1)}…` : text;
}

/**
 * `would have blocked 3 accesses in 24 h, in 1 workload`: one line of numbers and our own words. `window` is the time over which was recorded, in
 * milliseconds, where that is known better than from the first and the last record.
 */
export function whatIfText(summary: WhatIfSummary, window?: number): string {
  const { counts, workloads } = summary;
  const time = window ?? (summary.first === undefined || summary.last === undefined ? undefined : summary.last - summary.first);
  const during = time === undefined ? '' : ` in ${spanText(time)}`;
  if (summary.records === 0) return `no telemetry${window === undefined ? '' : during}`;
  const [blocked, audits] = [counts['would-block'], counts['would-audit']];
  const first = blocked === 0 ? 'blocked nothing' : `blocked ${accesses(blocked)}`;
  const then = audits === 0 ? '' : ` and audited ${blocked === 0 ? accesses(audits) : audits}`;
  const places = workloads.filter((one) => one.counts['would-block'] + one.counts['would-audit'] > 0).length;
  const where = places === 0 ? '' : `, in ${places} ${places === 1 ? 'workload' : 'workloads'}`;
  const rest = [
    [counts['no-longer-blocked'], 'no longer blocked'],
    [counts['no-longer-audited'], 'no longer audited'],
    [counts.undecidable, 'undecidable'],
  ] as const;
  const others = rest.filter(([number]) => number > 0).map(([number, what]) => `; ${number} ${what}`);
  return `would have ${first}${then}${during}${where}${others.join('')}`;
}

function accesses(number: number): string {
  return `${number} ${number === 1 ? 'access' : 'accesses'}`;
}

const SECOND = 1000;
const MINUTE = 60 * SECOND;
const HOUR = 60 * MINUTE;

/** `24 h`; days from three of them on. */
function spanText(time: number): string {
  if (time < MINUTE) return `${Math.max(1, Math.ceil(time / SECOND))} s`;
  if (time < HOUR) return `${Math.round(time / MINUTE)} min`;
  return time < 72 * HOUR ? `${Math.round(time / HOUR)} h` : `${Math.round(time / (24 * HOUR))} days`;
}

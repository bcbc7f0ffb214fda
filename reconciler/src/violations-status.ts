/**
 * When the violations of a commit are worth a status: red at once, other rules, workloads and orders of magnitude now and then, green again
 * after a quiet period. Time comes from outside, and all that is known survives as JSON.
 */
import { createHash } from 'node:crypto';
import { refKey } from '@parapet/policy';
import { clip, count, plain } from './describe.ts';
import { violationsOutcome } from './outcome.ts';
import type { Hit, Outcome } from './outcome.ts';
import { readViolations } from './violations-record.ts';
import type { Series, ViolationsRecord } from './violations-record.ts';

export interface ViolationsSettings {
  /** Shortest time between two red statuses; milliseconds. */
  readonly spacing: number;
  /** So long without any violation, and a red commit is green again; milliseconds. */
  readonly quiet: number;
}

export const VIOLATIONS_SETTINGS: ViolationsSettings = { spacing: 60_000, quiet: 900_000 };

/** Counters that are followed one by one, and rules and workloads that are told apart; what comes after them is only added up. */
const MAX_SERIES = 4_000;
const MAX_KNOWN = 2_000;

/** What is seen in one look at the nodes. */
export interface Look {
  readonly hits: readonly Hit[];
  /** Whether the commit is in force on the nodes. */
  readonly enforced: boolean;
  /** Whether any node reports: silence of nodes that are away says nothing. */
  readonly watched: boolean;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

export class ViolationsStatus {
  readonly #commit: string;
  readonly #settings: ViolationsSettings;
  readonly #series: Map<string, Series>;
  readonly #known: Set<string>;
  #state: Omit<ViolationsRecord, 'version' | 'commit' | 'series' | 'known'>;

  /** Goes on from what `toJSON` wrote, if that is about the same commit and not damaged; else from nothing. */
  constructor(commit: string, settings: ViolationsSettings, stored?: unknown) {
    const { series, known, ...state } = readViolations(stored, commit);
    this.#commit = commit;
    this.#settings = settings;
    this.#series = new Map(series.slice(0, MAX_SERIES).map((one) => [one[0], one]));
    this.#known = new Set(known.slice(0, MAX_KNOWN));
    this.#state = state;
  }

  toJSON(): ViolationsRecord {
    return { ...this.#state, version: 1, commit: this.#commit, series: [...this.#series.values()], known: [...this.#known] };
  }

  /**
   * Counters that went on from before the commit, of policies that it left as they were: only what comes on top of them is the commit's. For a
   * commit that nothing is known of yet; for any other it does nothing.
   */
  startFrom(hits: readonly Hit[]): void {
    if (this.#state.colour !== 'none') return;
    for (const hit of hits) {
      const series = this.#seriesOf(hit);
      if (series === undefined) this.#state.others = sum(this.#state.others, hit.violation.count);
      else series[1] = sum(series[1], hit.violation.count);
    }
  }

  /** What to say now, if anything; whoever asks says it. */
  see(look: Look): Outcome | undefined {
    const { now } = look;
    this.#notBeyond(now);
    const fresh = this.#add(look);
    const { colour, last, written } = this.#state;
    if (colour !== 'red') {
      if (fresh) return this.#red(look);
      if (colour !== 'none' || !look.enforced) return undefined;
      this.#state.colour = 'green';
      return { state: 'success', description: 'no violations' };
    }
    if (!fresh && look.watched && now - last.at >= this.#settings.quiet) return this.#green();
    if (now - written.at < this.#settings.spacing) return undefined;
    return this.#known.size > written.known || magnitude(this.#since) > magnitude(written.count) ? this.#red(look) : undefined;
  }

  /** Violations of the commit so far. */
  get total(): number {
    return this.#state.total;
  }

  /** Violations since the commit was green. */
  get #since(): number {
    return this.#state.total - this.#state.before;
  }

  /** Adds up what is new since the last look; says whether anything is. */
  #add({ hits, now }: Look): boolean {
    let fresh = false;
    let others = 0;
    const counters = new Map<Series, { readonly hit: Hit; count: number }>();
    for (const hit of hits) {
      const series = this.#seriesOf(hit);
      if (series === undefined) others = sum(others, hit.violation.count);
      else counters.set(series, { hit, count: sum(counters.get(series)?.count ?? 0, hit.violation.count) });
    }
    for (const [series, { hit, count: seen }] of counters) {
      // One that is lower than before has started anew.
      const added = seen >= series[1] ? seen - series[1] : seen;
      series[1] = seen;
      series[2] = sum(series[2], added);
      if (added > 0) this.#note(hit, added, now);
      fresh ||= added > 0;
    }
    const added = others - this.#state.others;
    const [first] = hits;
    this.#state.others = others;
    if (added <= 0 || first === undefined) return fresh;
    this.#note(first, added, now);
    return true;
  }

  #note({ violation }: Hit, added: number, now: number): void {
    this.#state.total = sum(this.#state.total, added);
    this.#state.last = { at: now, name: clip(plain(`${violation.name} ${violation.rule}`), 60) };
    const marks = [
      [refKey(violation), violation.rule, violation.action],
      ...(violation.workload === undefined ? [] : [[violation.workload]]),
    ];
    for (const mark of marks) if (this.#known.size < MAX_KNOWN) this.#known.add(digest(mark));
  }

  #seriesOf(hit: Hit): Series | undefined {
    const key = seriesKey(hit);
    const known = this.#series.get(key);
    if (known !== undefined || this.#series.size >= MAX_SERIES) return known;
    const series: Series = [key, 0, 0];
    this.#series.set(key, series);
    return series;
  }

  #red({ hits, now }: Look): Outcome | undefined {
    this.#state.colour = 'red';
    this.#state.written = { at: now, known: this.#known.size, count: this.#since };
    // Only what is new since green: what was said of older ones has been taken back.
    const counted = hits.flatMap((hit) => {
      const since = this.#series.get(seriesKey(hit))?.[2] ?? hit.violation.count;
      return since === 0 ? [] : [{ ...hit, violation: { ...hit.violation, count: since } }];
    });
    return violationsOutcome(counted);
  }

  #green(): Outcome {
    const { last } = this.#state;
    const quiet = `quiet for ${duration(this.#settings.quiet)}; ${this.#state.total} earlier, last ${minute(last.at)}: ${last.name}`;
    this.#state = { ...this.#state, colour: 'green', before: this.#state.total, written: { ...this.#state.written, known: 0, count: 0 } };
    for (const series of this.#series.values()) series[2] = 0;
    this.#known.clear();
    return { state: 'success', description: clip(quiet) };
  }

  /** A clock that was set back must not keep the commit red, or silent. */
  #notBeyond(now: number): void {
    const { last, written } = this.#state;
    if (last.at > now) this.#state.last = { ...last, at: now };
    if (written.at > now) this.#state.written = { ...written, at: now };
  }
}

function sum(a: number, b: number): number {
  return Math.min(a + b, Number.MAX_SAFE_INTEGER);
}

/** 1 for 1 to 9, 2 for 10 to 99 … */
function magnitude(number: number): number {
  return String(number).length;
}

/** A node's counter. */
function seriesKey({ node, violation }: Hit): string {
  const { rule, action, operation, workload } = violation;
  return digest([node, refKey(violation), rule, action, operation, workload ?? '']);
}

/** Nodes choose the texts, so that nothing shorter is safe from being met on purpose. */
function digest(parts: readonly string[]): string {
  return createHash('sha256').update(JSON.stringify(parts)).digest('base64url').slice(0, 22);
}

function duration(milliseconds: number): string {
  const seconds = Math.round(milliseconds / 1000);
  return seconds % 60 === 0 ? `${seconds / 60} min` : count(seconds, 'second', 'seconds');
}

/** `2026-01-31 12:41 UTC` */
function minute(time: number): string {
  return `${new Date(time).toISOString().slice(0, 16).replace('T', ' ')} UTC`;
}

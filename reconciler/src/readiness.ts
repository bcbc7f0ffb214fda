/**
 * Readiness is what nodes do: their reports are folded into the status of every policy in the cluster, and into what each source's commit has
 * come to. One replica does this, the one that leads; whatever the API server does meanwhile, it goes on.
 */
import { refKey } from '@parapet/policy';
import type { PolicyRef } from '@parapet/policy';
import { Bell } from './bell.ts';
import { Complaints } from './complaints.ts';
import { count, plain } from './describe.ts';
import { Fold, FOLD_SETTINGS } from './fold.ts';
import type { FoldSettings } from './fold.ts';
import type { SourceCounts, SourceFold } from './fold-source.ts';
import { readNodeReport } from './node-report.ts';
import { MAX_OF_ALL, MAX_OF_NODE, NodeViolations } from './node-violations.ts';
import type { Hit } from './outcome.ts';
import type { FoldedPolicy } from './policy-status.ts';
import type { Clock, Log } from './ports.ts';
import type { FailedChange, NodeReports, PolicyStatusWriter } from './readiness-ports.ts';
import { StatusQueue } from './status-queue.ts';
import type { Backoff } from './status-queue.ts';
import { withRefused } from './wanted-policy.ts';
import type { WantedPolicy } from './wanted-policy.ts';

/** Times in milliseconds. */
export interface ReadinessSettings extends FoldSettings {
  /** How long changes are gathered, so that many are one. */
  readonly gather: number;
  /** Longest time between two looks: reports grow stale, and sources quiet, by time alone. */
  readonly interval: number;
  /** For statuses that could not be written. */
  readonly backoff: Backoff;
}

export const READINESS_SETTINGS: ReadinessSettings = {
  ...FOLD_SETTINGS,
  gather: 200,
  interval: 5000,
  backoff: { first: 1000, longest: 60_000 },
};

export interface ReadinessParts {
  readonly reports: NodeReports;
  readonly writer: PolicyStatusWriter;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: ReadinessSettings;
  /** Hears of sources, by uid, of which `viewOf` may say something else than before; of all of them now and then. Must not throw. */
  readonly onSources?: (sources: readonly string[]) => void;
}

/** What a source's newest commit that was applied has come to. */
export interface SourceView extends SourceFold {
  readonly commit: string;
  /** What was done against it. */
  readonly hits: readonly Hit[];
  /** Whether any node reports. */
  readonly watched: boolean;
}

interface Expected {
  readonly commit: string;
  /** When it was applied, by our clock. */
  readonly since: number;
  readonly applied: readonly WantedPolicy[];
  readonly refused: readonly WantedPolicy[];
  readonly keys: ReadonlySet<string>;
}

/** Runs once, until it no longer leads; what it is told before that it keeps. */
export class Readiness {
  readonly #parts: ReadinessParts;
  readonly #fold: Fold;
  readonly #violations = new NodeViolations();
  readonly #complaints: Complaints;
  readonly #sources = new Map<string, Expected>();
  /** Sources that are to hear of themselves, and keys of policies whose sources are. */
  readonly #due = new Set<string>();
  readonly #touched = new Set<string>();
  readonly #queue: StatusQueue;
  readonly #news = new Bell();
  readonly #work = new Bell();
  /** Whether all reports are known that there were at the start, and whether they have been folded. */
  #loaded = false;
  #folded = false;
  #allTold = 0;
  /** Why statuses can't be written, as it was told last. */
  #told = '';
  #overflowTold = false;

  constructor(parts: ReadinessParts) {
    this.#parts = parts;
    this.#fold = new Fold(parts.settings);
    this.#queue = new StatusQueue(parts.settings.backoff);
    this.#complaints = new Complaints(parts.log);
  }

  /** A policy of the cluster that is new or has changed, its status included, whosever it is. */
  policyTold(policy: FoldedPolicy): void {
    this.#fold.setPolicy(policy);
    this.#touch(refKey(policy));
  }

  policyGone(ref: PolicyRef): void {
    this.#fold.removePolicy(ref);
    this.#queue.remove(ref);
    this.#touch(refKey(ref));
  }

  /** From now on this is what the source with this uid wants to be in force. */
  expect(source: string, { commit, policies }: { readonly commit: string; readonly policies: readonly WantedPolicy[] }): void {
    const before = this.#sources.get(source);
    this.#sources.set(source, {
      commit,
      since: before?.commit === commit ? before.since : this.#parts.clock.now(),
      applied: policies.filter(({ refused }) => refused === undefined),
      refused: policies.filter(({ refused }) => refused !== undefined),
      keys: new Set(policies.map(refKey)),
    });
    this.#due.add(source);
    this.#news.ring();
  }

  /** The source is no more. */
  forget(source: string): void {
    this.#sources.delete(source);
    this.#due.delete(source);
  }

  /** `undefined` until all reports are known, and for a source of which nothing is expected. */
  viewOf(source: string): SourceView | undefined {
    const expected = this.#sources.get(source);
    if (expected === undefined || !this.#folded) return undefined;
    const there = expected.applied.map((wanted) => ({ wanted, policy: this.#fold.policyOf(wanted) }));
    const current = there.filter(({ wanted, policy }) => wanted.fingerprint === undefined || wanted.fingerprint === policy?.fingerprint);
    const hits = this.#violations.of(new Map(current.map(({ wanted, policy }) => [refKey(wanted), policy?.commit])));
    return { ...this.#foldOf(expected), commit: expected.commit, hits, watched: this.#fold.size.counting > 0 };
  }

  /** `undefined` until all reports are known. Of a source of which nothing is expected, such as a suspended one, what is `there` counts. */
  countsOf(source: string, there: readonly PolicyRef[]): SourceCounts | undefined {
    if (!this.#folded) return undefined;
    const expected = this.#sources.get(source);
    return this.#foldOf(expected ?? { applied: there, refused: [], since: this.#parts.clock.now() }).policies;
  }

  /** Until the signal is aborted. Rejects only for a bug. */
  async run(signal: AbortSignal): Promise<void> {
    await Promise.all([this.#watch(signal), this.#lookOn(signal), this.#writeOn(signal)]);
  }

  #foldOf({ applied, refused, since }: Pick<Expected, 'applied' | 'refused' | 'since'>): SourceFold {
    const now = this.#parts.clock.now();
    return withRefused(this.#fold.foldSource(applied, { now, waited: now - since }), refused);
  }

  #watch(signal: AbortSignal): Promise<void> {
    return this.#parts.reports.watch(
      {
        onReport: (node, value, written) => this.#report(node, value, written),
        onGone: (node) => {
          this.#complaints.about(node, undefined);
          this.#fold.removeNode(node);
          this.#violated(node, []);
          this.#news.ring();
        },
        onSynced: () => {
          this.#loaded = true;
          this.#news.ring();
        },
      },
      signal,
    );
  }

  /** One that is no report leaves the node at what it said before, which grows stale. */
  #report(node: string, value: unknown, written: number | undefined): void {
    const read = readNodeReport(value);
    this.#complaints.about(node, 'wrong' in read ? read.wrong : undefined);
    if ('wrong' in read) return;
    const now = this.#parts.clock.now();
    // What is there at the start may be of a node that died long ago; of when, only the server's clock tells that can be trusted.
    this.#fold.setReport(node, read.report, this.#loaded ? now : Math.min(written ?? now, now));
    this.#violated(node, read.report.status.violations);
    this.#news.ring();
  }

  #violated(node: string, violations: Parameters<NodeViolations['set']>[1]): void {
    for (const key of this.#violations.set(node, violations)) this.#touched.add(key);
    if (this.#overflowTold || !this.#violations.overflowed) return;
    this.#overflowTold = true;
    const bounds = `${MAX_OF_NODE} lines of a node and ${MAX_OF_ALL} of all are looked at`;
    this.#parts.log({ level: 'warn', stage: 'report', message: `nodes report more violations than there is room for: ${bounds}` });
  }

  #touch(key: string): void {
    this.#touched.add(key);
    this.#news.ring();
  }

  async #lookOn(signal: AbortSignal): Promise<void> {
    const { clock, settings } = this.#parts;
    while (!signal.aborted) {
      await this.#news.heard(clock, settings.interval, signal);
      // Until all reports are there every policy would seem to be in force on fewer nodes than it is.
      if (!this.#loaded) continue;
      await clock.sleep(settings.gather, signal);
      if (!signal.aborted) this.#look();
    }
  }

  #look(): void {
    const { clock, onSources, settings } = this.#parts;
    const now = clock.now();
    for (const ref of this.#queue.due(now)) this.#fold.again(ref);
    for (const ref of this.#fold.changed(now)) {
      this.#queue.add(ref);
      this.#touched.add(refKey(ref));
    }
    this.#folded = true;
    if (!this.#queue.isEmpty) this.#work.ring();
    const isTime = now - this.#allTold >= settings.interval;
    if (isTime) this.#allTold = now;
    const isConcerned = (source: string, { keys }: Expected): boolean =>
      isTime || this.#due.has(source) || [...this.#touched].some((key) => keys.has(key));
    const concerned = [...this.#sources].filter((entry) => isConcerned(...entry)).map(([source]) => source);
    this.#due.clear();
    this.#touched.clear();
    if (concerned.length > 0) onSources?.(concerned);
  }

  async #writeOn(signal: AbortSignal): Promise<void> {
    const { clock, settings, writer } = this.#parts;
    while (!signal.aborted) {
      await this.#work.heard(clock, settings.interval, signal);
      const taken = signal.aborted ? [] : this.#queue.take();
      const changes = taken.flatMap((ref) => {
        const status = this.#fold.statusOf(ref);
        return status === undefined ? [] : [{ ref, status }];
      });
      const started = clock.now();
      const failed = await writer.write(changes, signal);
      if (signal.aborted) return;
      this.#queue.settle(taken, failed, clock.now());
      this.#tell(failed);
      // The API server has others to serve: of the time, half.
      await clock.sleep(Math.min(clock.now() - started, settings.interval), signal);
    }
  }

  #tell(failed: readonly FailedChange[]): void {
    const { log } = this.#parts;
    const [first] = failed;
    if (first !== undefined && first.message !== this.#told) {
      const whose =
        failed.length === 1 ? `the status of ${refKey(first.ref)}` : `the statuses of ${count(failed.length, 'policy', 'policies')}`;
      log({
        level: 'warn',
        stage: 'target',
        message: `${plain(whose)} can't be written, and will be tried again: ${plain(first.message)}`,
      });
      this.#told = first.message;
    } else if (this.#told !== '' && this.#queue.failing === 0) {
      log({ level: 'info', stage: 'target', message: 'the statuses of policies are written again' });
      this.#told = '';
    }
  }
}

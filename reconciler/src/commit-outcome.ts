/** What nodes make of an applied commit, said in its statuses: whether it is in force, and what was done against it. */
import { plain } from './describe.ts';
import type { Hit, Outcome } from './outcome.ts';
import type { Clock, Log, Store } from './ports.ts';
import type { Statuses } from './statuses.ts';
import { ViolationsStatus } from './violations-status.ts';
import type { ViolationsSettings } from './violations-status.ts';

export interface CommitOutcomeParts {
  readonly statuses: Statuses;
  /** Keeps what is known of violations, so that a restart says nothing twice. */
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: ViolationsSettings;
}

/** What one look at the nodes gave. */
export interface SeenCommit {
  /** The one that is applied. */
  readonly commit: string;
  readonly enforced: Outcome;
  readonly hits: readonly Hit[];
  /** Whether any node reports. */
  readonly watched: boolean;
}

/** What is known of the applied commit's violations. */
interface KnownViolations {
  readonly commit: string;
  readonly status: ViolationsStatus;
  /** How many were stored, and when. */
  total: number;
  at: number;
}

export class CommitOutcome {
  readonly #parts: CommitOutcomeParts;
  #violations: KnownViolations | undefined;

  constructor(parts: CommitOutcomeParts) {
    this.#parts = parts;
  }

  /** Says what follows. `final`: only what will not change by waiting. One call at a time. */
  async say(seen: SeenCommit, options: { readonly final?: boolean } = {}): Promise<void> {
    this.#sayEnforced(seen.commit, seen.enforced, options.final === true);
    await this.#sayViolations(seen);
  }

  #sayEnforced(commit: string, enforced: Outcome, final: boolean): void {
    const { statuses } = this.#parts;
    if (enforced.state !== 'pending' || !final) statuses.set(commit, 'enforced', enforced);
    else if (statuses.latest(commit, 'enforced')?.state === 'pending')
      statuses.set(commit, 'enforced', { state: 'error', description: `nobody waits any longer: ${enforced.description}` });
  }

  async #sayViolations({ commit, enforced, hits, watched }: SeenCommit): Promise<void> {
    const { clock, settings, statuses, store } = this.#parts;
    const known = await this.#violationsOf(commit, hits);
    const now = clock.now();
    const outcome = known.status.see({ hits, enforced: enforced.state === 'success', watched, now });
    if (outcome !== undefined) statuses.set(commit, 'violations', outcome);
    // Numbers that nobody was told may get lost in a crash: they will be counted again.
    const isStale = known.total !== known.status.total && now - known.at >= settings.spacing;
    if (outcome === undefined && !isStale) return;
    [known.total, known.at] = [known.status.total, now];
    await this.#kept(() => store.save(known.status.toJSON()));
  }

  async #violationsOf(commit: string, hits: readonly Hit[]): Promise<KnownViolations> {
    if (this.#violations?.commit === commit) return this.#violations;
    const { settings, store } = this.#parts;
    // What is stored is about the commit of an earlier process, and only of use to the first here.
    const stored = this.#violations === undefined ? await this.#kept(() => store.load()) : undefined;
    const status = new ViolationsStatus(commit, settings, stored);
    status.startFrom(hits.filter(({ violation }) => violation.commit !== commit));
    this.#violations = { commit, status, total: status.total, at: 0 };
    return this.#violations;
  }

  async #kept<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      const message = plain(error instanceof Error ? error.message : String(error));
      this.#parts.log({ level: 'warn', stage: 'report', message: `violations can't be kept for a restart: ${message}` });
      return undefined;
    }
  }
}

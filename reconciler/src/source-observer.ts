/** From what nodes do about a source's policies to the statuses of the commit that is applied. */
import { CommitOutcome } from './commit-outcome.ts';
import type { CommitOutcomeParts } from './commit-outcome.ts';
import type { Readiness } from './readiness.ts';

export interface SourceObserverParts extends CommitOutcomeParts {
  /** uid of the PolicySource. */
  readonly source: string;
  readonly readiness: Pick<Readiness, 'viewOf'>;
}

export class SourceObserver {
  readonly #parts: SourceObserverParts;
  readonly #outcome: CommitOutcome;
  #commit: string | undefined;
  #again = false;
  #looking: Promise<void> | undefined;

  constructor(parts: SourceObserverParts) {
    this.#parts = parts;
    this.#outcome = new CommitOutcome(parts);
  }

  /** Says what is to be said by now. May be called at any time; a call while another is at work makes that one look once more. */
  look(): Promise<void> {
    this.#again = true;
    this.#looking ??= this.#lookOn().finally(() => (this.#looking = undefined));
    return this.#looking;
  }

  async #lookOn(): Promise<void> {
    while (this.#again) {
      this.#again = false;
      const view = this.#parts.readiness.viewOf(this.#parts.source);
      if (view === undefined) return;
      // Nodes will not come back to what an older commit was waiting for.
      if (view.commit !== this.#commit) this.#parts.statuses.supersede(view.commit, ['enforced', 'violations']);
      this.#commit = view.commit;
      await this.#outcome.say(view);
    }
  }
}

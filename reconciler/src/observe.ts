/** From the nodes' reports to the statuses of the commit that is applied. */
import { CommitOutcome } from './commit-outcome.ts';
import { Complaints } from './complaints.ts';
import type { Inventory } from './inventory.ts';
import { readNodeReport } from './node-report.ts';
import { enforcedOutcome, hitsOf } from './outcome.ts';
import type { SeenReport } from './outcome.ts';
import type { Clock, Log, PolicyTarget, ReportFile, Store } from './ports.ts';
import type { Statuses } from './statuses.ts';
import { VIOLATIONS_SETTINGS } from './violations-status.ts';
import type { ViolationsSettings } from './violations-status.ts';

export interface ObserverSettings {
  /** A report that isn't renewed for so long is stale; also how long a commit waits for the first one. Milliseconds. */
  readonly patience: number;
  readonly violations: ViolationsSettings;
}

export const OBSERVER_SETTINGS: ObserverSettings = { patience: 60_000, violations: VIOLATIONS_SETTINGS };

interface Wiring {
  readonly target: Pick<PolicyTarget, 'reports'>;
  readonly statuses: Statuses;
  /** Keeps what is known of violations, so that a restart says nothing twice. */
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: ObserverSettings;
}

/** What is known of one report file, to see when it changes. */
interface Sighting {
  readonly observedAt: string;
  /** When it last changed, by our clock. */
  readonly changed: number;
}

export class Observer {
  readonly #wiring: Wiring;
  #applied: { readonly inventory: Inventory; readonly since: number } | undefined;
  #sightings = new Map<string, Sighting>();
  readonly #complaints: Complaints;
  readonly #said: CommitOutcome;

  constructor(wiring: Wiring) {
    const { settings, ...rest } = wiring;
    this.#wiring = wiring;
    this.#complaints = new Complaints(wiring.log);
    this.#said = new CommitOutcome({ ...rest, settings: settings.violations });
  }

  /** From now on `inventory` is what the nodes should hold. */
  applied(inventory: Inventory): void {
    if (this.#applied?.inventory.commit === inventory.commit) {
      this.#applied = { ...this.#applied, inventory };
      return;
    }
    this.#applied = { inventory, since: this.#wiring.clock.now() };
  }

  /** Reads the reports once and says what follows. `final`: only what will not change by waiting. */
  async look(options: { readonly final?: boolean } = {}): Promise<void> {
    const applied = this.#applied;
    if (applied === undefined) return;
    const { clock, settings } = this.#wiring;
    const reports = this.#see(await this.#wiring.target.reports());
    // A newer commit may have been applied while the files were read.
    if (this.#applied !== applied) return;
    const { inventory, since } = applied;
    const waited = clock.now() - since;
    const enforced = enforcedOutcome({ inventory, reports, waited, patience: settings.patience });
    const hits = hitsOf(reports, inventory);
    const watched = reports.some(({ fresh }) => fresh);
    await this.#said.say({ commit: inventory.commit, enforced, hits, watched }, options);
  }

  #see(files: readonly ReportFile[]): SeenReport[] {
    const now = this.#wiring.clock.now();
    const sightings = new Map<string, Sighting>();
    const seen: SeenReport[] = [];
    for (const { node, value, modified, fault } of files) {
      const read = fault !== undefined ? { wrong: fault } : value === undefined ? { wrong: 'it is not JSON' } : readNodeReport(value);
      const wrong =
        'wrong' in read ? read.wrong : read.report.metadata.name === node ? undefined : 'metadata.name is not the name of the file';
      this.#complaints.about(node, wrong);
      if ('wrong' in read || wrong !== undefined) continue;
      // The node's clock may be wrong and a copy may be touched: fresh is what has changed lately, as seen from here.
      const { observedAt } = read.report.status;
      const last = this.#sightings.get(node);
      const changed = last === undefined ? Math.min(modified, now) : last.observedAt === observedAt ? last.changed : now;
      sightings.set(node, { observedAt, changed });
      seen.push({ report: read.report, fresh: now - changed < this.#wiring.settings.patience });
    }
    this.#sightings = sightings;
    return seen;
  }
}

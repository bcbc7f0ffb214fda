/** From the nodes' reports to the statuses of the commit that is applied. */
import { plain } from './describe.ts';
import type { Inventory } from './inventory.ts';
import { readNodeReport } from './node-report.ts';
import { enforcedOutcome, violationsOutcome } from './outcome.ts';
import type { Outcome, SeenReport } from './outcome.ts';
import type { Clock, Log, PolicyTarget, ReportFile } from './ports.ts';
import type { Statuses } from './statuses.ts';

export interface ObserverSettings {
  /** A report that isn't renewed for so long is stale; also how long a commit waits for the first one. Milliseconds. */
  readonly patience: number;
  /** Shortest time between two violation statuses that differ in numbers only. Milliseconds. */
  readonly recount: number;
  /** Shortest time between two that name different rules. Milliseconds. */
  readonly rename: number;
}

export const OBSERVER_SETTINGS: ObserverSettings = { patience: 60_000, recount: 60_000, rename: 5_000 };

interface Wiring {
  readonly target: PolicyTarget;
  readonly statuses: Statuses;
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
  /** Last complaint about a report file, so that each is made once. */
  #complaints = new Map<string, string>();
  #violations: { readonly commit: string; readonly outcome: Outcome; readonly at: number } | undefined;

  constructor(wiring: Wiring) {
    this.#wiring = wiring;
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
    const { clock, settings, statuses } = this.#wiring;
    const reports = this.#see(await this.#wiring.target.reports());
    // A newer commit may have been applied while the files were read.
    if (this.#applied !== applied) return;
    const { inventory, since } = applied;
    const waited = clock.now() - since;
    const enforced = enforcedOutcome({ inventory, reports, waited, patience: settings.patience });
    if (enforced.state !== 'pending' || options.final !== true) statuses.set(inventory.commit, 'enforced', enforced);
    const violations = violationsOutcome({ inventory, reports, enforced: enforced.state === 'success' });
    if (violations !== undefined && this.#isDue(inventory.commit, violations)) {
      statuses.set(inventory.commit, 'violations', violations);
      this.#violations = { commit: inventory.commit, outcome: violations, at: clock.now() };
    }
  }

  /** A change of colour at once, of the rule soon, of numbers now and then: nobody reads more, and hosts count writes. */
  #isDue(commit: string, outcome: Outcome): boolean {
    const last = this.#violations;
    if (last === undefined || last.commit !== commit || last.outcome.state !== outcome.state) return true;
    if (last.outcome.description === outcome.description) return false;
    const { clock, settings } = this.#wiring;
    return clock.now() - last.at >= (last.outcome.essence === outcome.essence ? settings.recount : settings.rename);
  }

  #see(files: readonly ReportFile[]): SeenReport[] {
    const now = this.#wiring.clock.now();
    const sightings = new Map<string, Sighting>();
    const seen: SeenReport[] = [];
    for (const { node, value, modified, fault } of files) {
      const read = fault !== undefined ? { wrong: fault } : value === undefined ? { wrong: 'it is not JSON' } : readNodeReport(value);
      const wrong =
        'wrong' in read ? read.wrong : read.report.metadata.name === node ? undefined : 'metadata.name is not the name of the file';
      this.#complain(node, wrong);
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

  #complain(node: string, wrong: string | undefined): void {
    if (this.#complaints.get(node) === wrong) return;
    if (wrong === undefined) this.#complaints.delete(node);
    else {
      this.#complaints.set(node, wrong);
      this.#wiring.log({ level: 'warn', stage: 'report', message: `the report of node ${plain(node)} is ignored: ${plain(wrong)}` });
    }
  }
}

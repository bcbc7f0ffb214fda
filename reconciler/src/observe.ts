/** From the nodes' reports to the statuses of the commit that is applied. */
import { plain } from './describe.ts';
import type { Inventory } from './inventory.ts';
import { readNodeReport } from './node-report.ts';
import { enforcedOutcome, hitsOf } from './outcome.ts';
import type { Outcome, SeenReport } from './outcome.ts';
import type { Clock, Log, PolicyTarget, ReportFile, Store } from './ports.ts';
import type { Statuses } from './statuses.ts';
import { VIOLATIONS_SETTINGS, ViolationsStatus } from './violations-status.ts';
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

/** What is known of the applied commit's violations. */
interface KnownViolations {
  readonly commit: string;
  readonly status: ViolationsStatus;
  /** How many were stored, and when. */
  total: number;
  at: number;
}

export class Observer {
  readonly #wiring: Wiring;
  #applied: { readonly inventory: Inventory; readonly since: number } | undefined;
  #sightings = new Map<string, Sighting>();
  /** Last complaint about a report file, so that each is made once. */
  #complaints = new Map<string, string>();
  #violations: KnownViolations | undefined;

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
    const { clock, settings } = this.#wiring;
    const reports = this.#see(await this.#wiring.target.reports());
    // A newer commit may have been applied while the files were read.
    if (this.#applied !== applied) return;
    const { inventory, since } = applied;
    const waited = clock.now() - since;
    const enforced = enforcedOutcome({ inventory, reports, waited, patience: settings.patience });
    this.#sayEnforced(inventory.commit, enforced, options.final === true);
    await this.#sayViolations(inventory, enforced, reports);
  }

  #sayEnforced(commit: string, enforced: Outcome, final: boolean): void {
    const { statuses } = this.#wiring;
    if (enforced.state !== 'pending' || !final) statuses.set(commit, 'enforced', enforced);
    else if (statuses.latest(commit, 'enforced')?.state === 'pending')
      statuses.set(commit, 'enforced', { state: 'error', description: `nobody waits any longer: ${enforced.description}` });
  }

  async #sayViolations(inventory: Inventory, enforced: Outcome, reports: readonly SeenReport[]): Promise<void> {
    const { clock, settings, statuses } = this.#wiring;
    const known = await this.#violationsOf(inventory.commit);
    const now = clock.now();
    const outcome = known.status.see({
      hits: hitsOf(reports, inventory),
      enforced: enforced.state === 'success',
      watched: reports.some(({ fresh }) => fresh),
      now,
    });
    if (outcome !== undefined) statuses.set(inventory.commit, 'violations', outcome);
    // Numbers that nobody was told may get lost in a crash: they will be counted again.
    const isStale = known.total !== known.status.total && now - known.at >= settings.violations.spacing;
    if (outcome === undefined && !isStale) return;
    [known.total, known.at] = [known.status.total, now];
    await this.#kept(() => this.#wiring.store.save(known.status.toJSON()));
  }

  async #violationsOf(commit: string): Promise<KnownViolations> {
    if (this.#violations?.commit === commit) return this.#violations;
    const { settings, store } = this.#wiring;
    // What is stored is about the commit of an earlier process, and only of use to the first here.
    const stored = this.#violations === undefined ? await this.#kept(() => store.load()) : undefined;
    const status = new ViolationsStatus(commit, settings.violations, stored);
    this.#violations = { commit, status, total: status.total, at: 0 };
    return this.#violations;
  }

  async #kept<T>(work: () => Promise<T>): Promise<T | undefined> {
    try {
      return await work();
    } catch (error) {
      const message = plain(error instanceof Error ? error.message : String(error));
      this.#wiring.log({ level: 'warn', stage: 'report', message: `violations can't be kept for a restart: ${message}` });
      return undefined;
    }
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

/** The commit statuses: what is said, and a loop that delivers it. Nothing here ever stops reconciling. */
import { clip, plain, shortCommit } from './describe.ts';
import { Outbox } from './outbox.ts';
import type { StatusState } from './outcome.ts';
import type { Clock, CommitStatus, Log, StatusHost, Store } from './ports.ts';

export type Topic = 'synth' | 'enforced' | 'violations';

export interface StatusSettings {
  /** Told apart from other clusters' statuses on the same commit; appended to contexts: `parapet/synth (name)`. */
  readonly cluster?: string;
  /** Where a click on a status leads. */
  readonly targetUrl?: string;
  /** First wait after a failed delivery, in milliseconds; doubles up to `longest`. */
  readonly backoff: { readonly first: number; readonly longest: number };
  /** Mean time between two deliveries in milliseconds, and how many may go in a burst. */
  readonly pace: { readonly every: number; readonly burst: number };
}

/** Host rules in mind: one write a second on average, and a hosts' wish to wait is obeyed. */
export const STATUS_SETTINGS: StatusSettings = { backoff: { first: 1000, longest: 300_000 }, pace: { every: 1000, burst: 10 } };

/** Longest wait for something to deliver; whoever puts a status wakes the loop before that. */
const IDLE_MS = 60_000;

interface Wiring {
  readonly host: StatusHost;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  readonly settings: StatusSettings;
}

export class Statuses {
  readonly #wiring: Wiring;
  #outbox = new Outbox();
  #saving: Promise<void> = Promise.resolve();
  #saveQueued = false;
  #wake: () => void = () => undefined;
  #waiting = new AbortController();

  constructor(wiring: Wiring) {
    this.#wiring = wiring;
  }

  /** Takes up what an earlier process left. */
  async load(): Promise<void> {
    try {
      this.#outbox = Outbox.from(await this.#wiring.store.load());
    } catch (error) {
      this.#wiring.log({ level: 'warn', stage: 'status', message: `statuses of earlier runs can't be read: ${messageOf(error)}` });
    }
  }

  /** Says something about a commit; `false` when that is what was said last. */
  set(commit: string, topic: Topic, said: { readonly state: StatusState; readonly description: string }): boolean {
    const { cluster, targetUrl } = this.#wiring.settings;
    return this.#put({
      commit,
      context: contextOf(topic, cluster),
      state: said.state,
      description: clip(plain(said.description)),
      ...(targetUrl === undefined ? {} : { targetUrl }),
    });
  }

  /** What was said last. */
  latest(commit: string, topic: Topic): CommitStatus | undefined {
    return this.#outbox.latest(commit, contextOf(topic, this.#wiring.settings.cluster));
  }

  /** Ends what is still pending on other commits: nobody will come back to them. */
  supersede(commit: string, topics: readonly Topic[]): void {
    const contexts = topics.map((topic) => contextOf(topic, this.#wiring.settings.cluster));
    for (const status of this.#outbox.pending()) {
      if (status.commit === commit || !contexts.includes(status.context)) continue;
      this.#put({ ...status, state: 'error', description: supersededBy(commit) });
    }
  }

  /** Delivers until the signal is aborted; a delivery on its way is given up then, and stays in the outbox. */
  async deliver(signal: AbortSignal): Promise<void> {
    const { clock, settings } = this.#wiring;
    let failures = 0;
    /** Times in a row that what the host had refused was offered again. */
    let offers = 0;
    /** When the next delivery would be due if there were no bursts. */
    let due = 0;
    while (!signal.aborted) {
      const status = this.#outbox.next();
      if (status === undefined) {
        // A refusal may end without a sign (a token is replaced, a permission given), so it is tried again, ever less often.
        const refused = this.#outbox.refusing;
        await this.#untilWoken(signal, refused ? this.#backoff(offers) : IDLE_MS);
        offers = refused ? offers + 1 : 0;
        if (refused && this.#outbox.empty && !signal.aborted) this.#outbox.offerRefused();
        continue;
      }
      due = Math.max(due, clock.now());
      const early = due - clock.now() - settings.pace.every * settings.pace.burst;
      if (early > 0) await clock.sleep(early, signal);
      if (signal.aborted) return;
      // What was posted and then forgotten in a crash could stay pending for ever: first the disk, then the host.
      await this.#saving;
      const wait = await this.#post(status, { failures, signal });
      failures = wait === undefined ? 0 : failures + 1;
      due += settings.pace.every;
      if (wait !== undefined) await clock.sleep(wait, signal);
    }
    await this.#saving;
  }

  /** Resolves when nothing is left to deliver, or after `patience` milliseconds; says whether everything was. */
  async drained(patience: number): Promise<boolean> {
    const { clock } = this.#wiring;
    const deadline = clock.now() + patience;
    const never = new AbortController().signal;
    while (!this.#outbox.empty && clock.now() < deadline) await clock.sleep(20, never);
    await this.#saving;
    return this.#outbox.empty;
  }

  /** Posts one; gives the milliseconds to wait before the next when it failed. */
  async #post(status: CommitStatus, { failures, signal }: { failures: number; signal: AbortSignal }): Promise<number | undefined> {
    const { host, log } = this.#wiring;
    const result = await host.post(status, signal);
    this.#outbox.settle(status, result);
    this.#save();
    const about = { stage: 'status', commit: status.commit, context: status.context, state: status.state };
    if (result.kind === 'posted') {
      log({ ...about, level: 'info', message: status.description });
      return undefined;
    }
    if (result.kind === 'retry') {
      const wait = result.after ?? this.#backoff(failures);
      const when = signal.aborted ? 'at the next start' : `in ${Math.ceil(wait / 1000)} s`;
      const message = `${result.message}; the status is kept and sent again ${when}`;
      log({ ...about, level: 'warn', message });
      return wait;
    }
    log({ ...about, level: 'error', message: `${result.message}; enforcement goes on without this status` });
    return undefined;
  }

  #backoff(failures: number): number {
    const { first, longest } = this.#wiring.settings.backoff;
    return Math.min(first * 2 ** Math.min(failures, 20), longest);
  }

  #put(status: CommitStatus): boolean {
    const changed = this.#outbox.put(status);
    if (!changed) return false;
    this.#save();
    this.#wake();
    return true;
  }

  /** Until somebody puts a status, at most `longest` milliseconds. */
  async #untilWoken(signal: AbortSignal, longest: number): Promise<void> {
    this.#waiting = new AbortController();
    this.#wake = () => this.#waiting.abort();
    await this.#wiring.clock.sleep(longest, AbortSignal.any([signal, this.#waiting.signal]));
  }

  /** One write at a time; what changes meanwhile is in the next one. */
  #save(): void {
    if (this.#saveQueued) return;
    this.#saveQueued = true;
    this.#saving = this.#saving.then(async () => {
      this.#saveQueued = false;
      try {
        await this.#wiring.store.save(this.#outbox.toJSON());
      } catch (error) {
        this.#wiring.log({ level: 'warn', stage: 'status', message: `statuses can't be kept for a restart: ${messageOf(error)}` });
      }
    });
  }
}

/** `parapet/synth`, or `parapet/synth (name)` with a cluster. */
export function contextOf(topic: Topic, cluster: string | undefined): string {
  return cluster === undefined ? `parapet/${topic}` : `parapet/${topic} (${cluster})`;
}

/** How the status of a commit ends that a newer one overtook. */
export function supersededBy(commit: string): string {
  return `superseded by ${shortCommit(commit)}`;
}

function messageOf(error: unknown): string {
  return plain(error instanceof Error ? error.message : String(error));
}

/**
 * The commit statuses: what is said, and a loop that delivers it, each status once. Before one is sent that is stored; where the answer got
 * lost the host is asked. Nothing here ever stops reconciling.
 */
import { plain } from './describe.ts';
import { fitted, isShown } from './host-limits.ts';
import { Outbox } from './outbox.ts';
import type { OutboxCounts, Settlement, Task } from './outbox.ts';
import { LONGEST_WAIT_MS } from './outbox-record.ts';
import { waitAfter } from './pace.ts';
import type { Pace } from './pace.ts';
import type { Clock, CommitStatus, Log, PostResult, StatusHost, Store } from './ports.ts';
import { contextOf, supersededBy, TOPICS, worded } from './status-words.ts';
import type { Said, Topic } from './status-words.ts';

export interface StatusSettings {
  /** Told apart from other clusters' statuses on the same commit; appended to contexts: `parapet/synth (name)`. */
  readonly cluster?: string;
  /** Where a click on a status leads. */
  readonly targetUrl?: string;
  /** Shortest wait after a failed delivery, in milliseconds; its bound doubles up to `longest`. */
  readonly backoff: { readonly first: number; readonly longest: number };
}

export const STATUS_SETTINGS: StatusSettings = { backoff: { first: 1000, longest: 300_000 } };

/** Longest wait for something to deliver; whoever puts a status wakes the loop before that. */
const IDLE_MS = 60_000;

interface Wiring {
  readonly host: StatusHost;
  readonly store: Store;
  readonly clock: Clock;
  readonly log: Log;
  /** Shared by all who write to the host. */
  readonly pace: Pace;
  /** From 0 to 1, without it. */
  readonly random: () => number;
  readonly settings: StatusSettings;
}

export class Statuses {
  readonly #wiring: Wiring;
  #outbox: Outbox;
  #saving: Promise<void> = Promise.resolve();
  #saveQueued = false;
  #wake: () => void = () => undefined;
  /** Deliveries in a row, of whatever, that came to nothing. */
  #failures = 0;
  /** What has failed before waits until then, so that a host that is away is asked ever less often; what is new is tried once. */
  #retriesFrom = 0;

  constructor(wiring: Wiring) {
    this.#wiring = wiring;
    this.#outbox = new Outbox(wiring.host.limits);
  }

  /** Takes up what an earlier process left. */
  async load(): Promise<void> {
    const { clock, host, log, pace, settings, store } = this.#wiring;
    try {
      this.#outbox = Outbox.from(await store.load(), host.limits, clock.now());
    } catch (error) {
      log({ level: 'warn', stage: 'status', message: `statuses of earlier runs can't be read: ${messageOf(error)}` });
    }
    pace.hold(this.#outbox.heldUntil - clock.now());
    const contexts = TOPICS.map((topic) => contextOf(topic, settings.cluster));
    for (const { commit, context } of this.#outbox.pending()) {
      if (contexts.includes(context)) continue;
      this.#put({ commit, context, state: 'error', description: 'the reconciler reports under another name now' });
    }
  }

  /** Says something about a commit; `false` when that is what was said last. */
  set(commit: string, topic: Topic, said: Said): boolean {
    return this.#put({ commit, context: contextOf(topic, this.#wiring.settings.cluster), ...worded(said) });
  }

  /** What was said last. */
  latest(commit: string, topic: Topic): CommitStatus | undefined {
    return this.#outbox.latest(commit, contextOf(topic, this.#wiring.settings.cluster));
  }

  /** Ends what is still pending on other commits, but for those that somebody else still speaks of: nobody will come back to them. */
  supersede(commit: string, topics: readonly Topic[], besides: readonly string[] = []): void {
    this.end({ topics, except: [commit, ...besides], description: supersededBy(commit) });
  }

  /** Ends as errors what is still pending, on every commit but `except`. */
  end(what: { readonly topics: readonly Topic[]; readonly except?: readonly string[]; readonly description: string }): void {
    const contexts = what.topics.map((topic) => contextOf(topic, this.#wiring.settings.cluster));
    for (const { commit, context } of this.#outbox.pending()) {
      if (what.except?.includes(commit) !== true && contexts.includes(context))
        this.#put({ commit, context, ...worded({ state: 'error', description: what.description }) });
    }
  }

  /** How many commits and contexts have something that is not delivered. */
  get counts(): OutboxCounts {
    return this.#outbox.counts;
  }

  /** Delivers until the signal is aborted; a delivery on its way is given up then, and stays in the outbox. */
  async deliver(signal: AbortSignal): Promise<void> {
    const { clock, pace } = this.#wiring;
    while (!signal.aborted) {
      const wait = (this.#outbox.due(this.#retriesFrom) ?? Infinity) - clock.now();
      if (wait > 0) {
        await this.#untilWoken(signal, Math.min(wait, IDLE_MS));
        continue;
      }
      if (!(await pace.turn(signal))) break;
      // Chosen only now: while others had their turn, something more urgent may have come.
      const task = this.#outbox.next(clock.now(), this.#retriesFrom);
      if (task !== undefined) await this.#carryOut(task, signal);
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

  async #carryOut(task: Task, signal: AbortSignal): Promise<void> {
    const { clock, host, log } = this.#wiring;
    this.#save();
    await this.#saving;
    const result = task.ask ? await this.#ask(task.status, signal) : await host.post(task.status, signal);
    if (result === 'absent') {
      this.#outbox.settle(task, { kind: 'absent' });
      return;
    }
    const settlement = this.#judge(task, result);
    this.#outbox.settle(task, settlement);
    this.#save();
    const { commit, context, state, description } = task.status;
    const about = { stage: 'status', commit, context, state };
    if (result.kind === 'posted') log({ ...about, level: 'info', message: description });
    else if (result.kind === 'retry') {
      const wait = 'until' in settlement ? Math.max(settlement.until, this.#retriesFrom) - clock.now() : 0;
      const when = signal.aborted ? 'at the next start' : `in ${Math.ceil(wait / 1000)} s`;
      log({ ...about, level: 'warn', message: `${result.message}; the status is kept and sent again ${when}` });
    } else log({ ...about, level: 'error', message: `${result.message}; enforcement goes on without this status` });
  }

  /** Asks whether a status arrived whose answer did not. */
  async #ask(status: CommitStatus, signal: AbortSignal): Promise<PostResult | 'absent'> {
    const { host } = this.#wiring;
    const answer = await host.find({ commit: status.commit, context: status.context }, signal);
    if (answer.kind === 'unknown') return { ...answer, kind: 'retry' };
    return answer.kind === 'found' && isShown(answer.status, status, host.limits) ? { kind: 'posted' } : 'absent';
  }

  /** What the host's answer means for the outbox, and for how soon the host is asked again. */
  #judge({ attempts }: Task, result: PostResult): Settlement {
    const { clock, pace, random, settings } = this.#wiring;
    if (result.kind === 'posted') this.#failures = 0;
    if (result.kind === 'posted' || result.kind === 'closed') return { kind: result.kind };
    if (result.kind === 'retry' && result.after !== undefined) {
      const until = clock.now() + Math.min(result.after, LONGEST_WAIT_MS);
      pace.hold(result.after);
      this.#outbox.hold(until);
      return { kind: 'unanswered', until };
    }
    // The first may be about this status alone. From the second on it looks as if the host were away, or didn't know us.
    if (this.#failures > 0) this.#retriesFrom = clock.now() + waitAfter(this.#failures - 1, { ...settings.backoff, random });
    this.#failures += 1;
    const until = clock.now() + waitAfter(attempts, { ...settings.backoff, random });
    return { kind: result.kind === 'retry' ? 'unanswered' : 'refused', until };
  }

  #put(status: CommitStatus): boolean {
    const { host, settings } = this.#wiring;
    const link = settings.targetUrl === undefined ? {} : { targetUrl: settings.targetUrl };
    if (!this.#outbox.put(fitted({ ...status, ...link }, host.limits))) return false;
    this.#save();
    this.#wake();
    return true;
  }

  /** Until somebody puts a status, at most `longest` milliseconds. */
  async #untilWoken(signal: AbortSignal, longest: number): Promise<void> {
    const waiting = new AbortController();
    this.#wake = () => waiting.abort();
    await this.#wiring.clock.sleep(longest, AbortSignal.any([signal, waiting.signal]));
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

function messageOf(error: unknown): string {
  return plain(error instanceof Error ? error.message : String(error));
}

/**
 * The outbox: which statuses are still to be posted, and which were posted last. What is about to be sent is marked and stored first, so that
 * after a crash or a lost answer the host is asked instead of told twice. Its size is bounded, and it survives restarts as JSON.
 */
import type { HostLimits } from './host-limits.ts';
import { absent, arrived, bare, close, isSettled, latestOf, newEntry, refuse, say, unanswered } from './outbox-entry.ts';
import type { Entry } from './outbox-entry.ts';
import { readRecord, record } from './outbox-record.ts';
import type { OutboxRecord } from './outbox-record.ts';
import type { CommitStatus } from './ports.ts';

/** Commits whose statuses are remembered with nothing left to send, so that none is posted twice: more than the pull requests of a source. */
const MAX_COMMITS = 150;
/** What all entries may take as JSON. Below what is promised, since answers are noted after the last look at it. */
const MAX_BYTES = 400 * 1024;

/** What is to be done next. */
export interface Task {
  readonly status: CommitStatus;
  /** Whether it may have been sent before: the host is asked whether it has it. */
  readonly ask: boolean;
  /** How often in a row that has failed. */
  readonly attempts: number;
}

/**
 * - `posted`: the host has it, whether it was told or asked; `absent`: it was asked, and doesn't.
 * - `unanswered`: nobody knows; `refused`: not from us, or not this one; both are due again at `until`, milliseconds since the epoch.
 * - `closed`: the host takes no more for this commit and context.
 */
export type Settlement =
  | { readonly kind: 'posted' | 'absent' | 'closed' }
  | { readonly kind: 'unanswered'; readonly until: number }
  | { readonly kind: 'refused'; readonly until: number };

/** How many commits and contexts wait. */
export interface OutboxCounts {
  readonly waiting: number;
  /** Of these, those whose newest status the host doesn't take. */
  readonly refused: number;
  /** Of these, those that may have arrived. */
  readonly unsure: number;
}

interface Slot {
  readonly entry: Entry;
  bytes: number;
  /** When it had its last turn, as a running number. */
  tried: number;
}

export class Outbox {
  readonly #limits: HostLimits;
  /** The one that was last spoken of last. */
  readonly #slots = new Map<string, Slot>();
  #turns = 0;
  #heldUntil = 0;

  constructor(limits: HostLimits) {
    this.#limits = limits;
  }

  /** Reads what `toJSON` wrote; what is damaged is left out. `now` in milliseconds since the epoch. */
  static from(value: unknown, limits: HostLimits, now: number): Outbox {
    const outbox = new Outbox(limits);
    const { heldUntil, entries } = readRecord(value, now);
    outbox.#heldUntil = heldUntil;
    for (const entry of entries) outbox.#slots.set(keyOf(entry), { entry, bytes: bytesOf(entry), tried: 0 });
    outbox.#forget();
    return outbox;
  }

  toJSON(): OutboxRecord {
    // Copies: what is being written must not change under the writer's hands.
    return record(
      this.#heldUntil,
      [...this.#slots.values()].map(({ entry }) => ({ ...entry, queue: [...entry.queue] })),
    );
  }

  /** Until when the host asked us to be quiet; milliseconds since the epoch. */
  get heldUntil(): number {
    return this.#heldUntil;
  }

  hold(until: number): void {
    this.#heldUntil = Math.max(this.#heldUntil, until);
  }

  /** The status that the host has or will have once everything is sent. */
  latest(commit: string, context: string): CommitStatus | undefined {
    const slot = this.#slots.get(keyOf({ commit, context }));
    return slot === undefined ? undefined : latestOf(slot.entry);
  }

  /** Every commit and context whose latest status is pending. */
  pending(): readonly CommitStatus[] {
    return [...this.#slots.values()].map(({ entry }) => latestOf(entry)).filter((status) => status?.state === 'pending') as CommitStatus[];
  }

  /** Queues a status; `false` when it says what the latest one says, or when nothing more can be said. */
  put(status: CommitStatus): boolean {
    const key = keyOf(status);
    const slot = this.#slots.get(key) ?? { entry: newEntry(status.commit, status.context), bytes: 0, tried: 0 };
    // What is spoken of is not forgotten, also when nothing new is said.
    this.#slots.delete(key);
    this.#slots.set(key, slot);
    if (!say(slot.entry, status, this.#limits)) return false;
    slot.bytes = bytesOf(slot.entry);
    this.#forget();
    return true;
  }

  get counts(): OutboxCounts {
    const waiting = this.#waiting().map(({ entry }) => entry);
    return {
      waiting: waiting.length,
      refused: waiting.filter(({ refused }) => refused).length,
      unsure: waiting.filter(({ sending }) => sending).length,
    };
  }

  /** Whether nothing is to be sent but what the host would not take. */
  get empty(): boolean {
    const { waiting, refused } = this.counts;
    return waiting === refused;
  }

  /** When `next` will give something, milliseconds since the epoch; `retriesFrom` as there. */
  due(retriesFrom = 0): number | undefined {
    const times = this.#waiting().map((slot) => dueOf(slot, retriesFrom));
    return times.length === 0 ? undefined : Math.min(...times);
  }

  /**
   * What to do next, marked as being done: the most urgent that is due, and among these the one that was not tried for longest. What has failed
   * before is not due before `retriesFrom`; milliseconds since the epoch, both.
   */
  next(now: number, retriesFrom = 0): Task | undefined {
    let best: Slot | undefined;
    for (const slot of this.#waiting()) {
      if (dueOf(slot, retriesFrom) <= now && (best === undefined || order(slot, best) < 0)) best = slot;
    }
    const status = best?.entry.queue[0];
    if (best === undefined || status === undefined) return undefined;
    const { sending: ask, attempts } = best.entry;
    best.entry.sending = true;
    best.tried = this.#turns += 1;
    return { status, ask, attempts };
  }

  /** Records what came of a task. */
  settle({ status }: Task, settlement: Settlement): void {
    const slot = this.#slots.get(keyOf(status));
    if (slot?.entry.queue[0] !== status) return;
    const { entry } = slot;
    if (settlement.kind === 'posted') arrived(entry, this.#limits);
    else if (settlement.kind === 'absent') absent(entry, this.#limits);
    else if (settlement.kind === 'closed') close(entry);
    else if (settlement.kind === 'unanswered') unanswered(entry, settlement.until);
    else if (settlement.kind === 'refused') refuse(entry, settlement.until, this.#limits);
    slot.bytes = bytesOf(entry);
  }

  #waiting(): Slot[] {
    return [...this.#slots.values()].filter(({ entry }) => entry.queue.length > 0);
  }

  #forget(): void {
    const recent = new Set<string>();
    for (const { entry } of [...this.#slots.values()].toReversed()) {
      if (recent.size < MAX_COMMITS) recent.add(entry.commit);
      else if (!recent.has(entry.commit) && isSettled(entry)) this.#slots.delete(keyOf(entry));
    }
    let bytes = [...this.#slots.values()].reduce((sum, slot) => sum + slot.bytes, 0);
    // What hurts least first: words that explain, what was said, what nobody has heard of yet; each time the oldest first.
    for (const lighten of [strip, unlessWaiting, unlessHeard, whole]) {
      for (const [key, slot] of this.#slots) {
        if (bytes <= MAX_BYTES) return;
        const saved = lighten(slot);
        bytes -= saved;
        if (saved === slot.bytes) this.#slots.delete(key);
        else slot.bytes -= saved;
      }
    }
  }
}

/** Each gives how many bytes are saved; all of them means that the slot goes. */
function strip({ entry, bytes }: Slot): number {
  const { queue } = entry;
  if (queue.every(({ annotations, summary }) => annotations === undefined && summary === undefined)) return 0;
  // The one that may be on its way is known by its identity.
  if (!entry.sending) entry.queue = queue.map(bare);
  return bytes - bytesOf(entry);
}

function unlessWaiting({ entry, bytes }: Slot): number {
  return isSettled(entry) ? bytes : 0;
}

function unlessHeard({ entry, bytes }: Slot): number {
  return entry.posted === undefined && !entry.sending ? bytes : 0;
}

function whole({ bytes }: Slot): number {
  return bytes;
}

const URGENCY: Readonly<Record<CommitStatus['state'], number>> = { failure: 0, error: 0, success: 1, pending: 2 };

/** Failures first, then other ends, then what is pending; what stands before an end in its queue goes as if it were that end. */
function order(a: Slot, b: Slot): number {
  return urgencyOf(a) - urgencyOf(b) || a.tried - b.tried;
}

function urgencyOf({ entry }: Slot): number {
  return Math.min(...entry.queue.map(({ state }) => URGENCY[state]));
}

function dueOf({ entry }: Slot, retriesFrom: number): number {
  return Math.max(entry.notBefore, entry.attempts > 0 ? retriesFrom : 0);
}

function keyOf({ commit, context }: Pick<CommitStatus, 'commit' | 'context'>): string {
  return JSON.stringify([commit, context]);
}

function bytesOf(entry: Entry): number {
  return Buffer.byteLength(JSON.stringify(entry)) + 1;
}

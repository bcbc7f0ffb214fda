/**
 * The outbox: which statuses are still to be posted, and which were posted last. For each commit and context order is kept, a pending
 * status is not skipped, and of several later ones only the newest is sent. It survives restarts as JSON.
 */
import type { StatusState } from './outcome.ts';
import type { CommitStatus, PostResult } from './ports.ts';

/** Commits whose statuses are remembered, so that none is posted twice. */
const MAX_COMMITS = 50;
/** GitHub takes 1000 for a commit and context; the rest is kept for changes of colour, which matter more than counts. */
const MAX_WRITES = 900;

interface Entry {
  readonly commit: string;
  readonly context: string;
  /** To send, oldest first; a handful at most. */
  queue: CommitStatus[];
  posted?: CommitStatus;
  /** What the host would not take from us; sent again later, after a restart at once. */
  refused?: CommitStatus;
  /** The host takes nothing more here. */
  closed: boolean;
  writes: number;
}

export class Outbox {
  #entries: Entry[] = [];
  /** Where `next` goes on, so that one status that fails doesn't hold up the others. */
  #turn = 0;
  #sending: CommitStatus | undefined;

  /** Reads what `toJSON` wrote; anything else gives an empty outbox. */
  static from(value: unknown): Outbox {
    const outbox = new Outbox();
    const entries = isRecord(value) && Array.isArray(value['entries']) ? (value['entries'] as readonly unknown[]) : [];
    outbox.#entries = entries.filter(isEntry).map((entry) => ({ ...entry, queue: [...entry.queue] }));
    outbox.offerRefused();
    return outbox;
  }

  toJSON(): unknown {
    return { version: 1, entries: this.#entries };
  }

  /** The status that the host has or will have once everything is sent. */
  latest(commit: string, context: string): CommitStatus | undefined {
    const entry = this.#entries.find((known) => known.commit === commit && known.context === context);
    return entry === undefined ? undefined : (entry.queue.at(-1) ?? entry.refused ?? entry.posted);
  }

  /** Every commit and context whose latest status is pending. */
  pending(): readonly CommitStatus[] {
    return this.#entries
      .map(({ commit, context }) => this.latest(commit, context))
      .filter((status) => status?.state === 'pending') as CommitStatus[];
  }

  /** Queues a status; `false` when it says what the latest one says, or when nothing more can be said. */
  put(status: CommitStatus): boolean {
    const entry = this.#entryOf(status);
    const latest = this.latest(status.commit, status.context);
    if (entry.closed || (latest !== undefined && sameStatus(latest, status))) return false;
    if (entry.writes >= MAX_WRITES && latest?.state === status.state) return false;
    delete entry.refused;
    const last = entry.queue.at(-1);
    const skippable = last !== undefined && (last.state !== 'pending' || status.state === 'pending');
    if (skippable && last !== this.#sending) entry.queue.pop();
    // A host that is away for long while the colour keeps changing: the oldest may be on its way, the newest is what counts.
    if (entry.queue.length > 3) entry.queue.splice(1, entry.queue.length - 2);
    // Back to what the host has: there is nothing left to say.
    const before = entry.queue.at(-1) ?? entry.posted;
    if (before === undefined || !sameStatus(before, status)) entry.queue.push(status);
    this.#forget();
    return true;
  }

  get empty(): boolean {
    return this.#entries.every(({ queue }) => queue.length === 0);
  }

  /** Whether there is something that the host refused. */
  get refusing(): boolean {
    return this.#entries.some(({ refused }) => refused !== undefined);
  }

  /** The next status to post, until `settle` says what came of it. */
  next(): CommitStatus | undefined {
    for (let offset = 0; offset < this.#entries.length; offset += 1) {
      const index = (this.#turn + offset) % this.#entries.length;
      const head = this.#entries[index]?.queue[0];
      if (head === undefined) continue;
      this.#turn = index + 1;
      this.#sending = head;
      return head;
    }
    return undefined;
  }

  /** Records what came of posting `status`. */
  settle(status: CommitStatus, result: PostResult): void {
    this.#sending = undefined;
    const entry = this.#entryOf(status);
    if (result.kind === 'retry') return;
    if (entry.queue[0] === status) entry.queue.shift();
    if (result.kind === 'posted') {
      entry.posted = status;
      entry.writes += 1;
      this.offerRefused();
    } else if (result.kind === 'closed') {
      entry.closed = true;
      entry.queue = [];
    } else if (entry.queue.length === 0) {
      entry.refused = status;
    }
    // What stood between was refused, so the next may be what the host has.
    const { posted } = entry;
    while (posted !== undefined && entry.queue[0] !== undefined && sameStatus(posted, entry.queue[0])) entry.queue.shift();
  }

  /** Queues again what the host refused: it takes statuses now, or it is time to see whether it does. */
  offerRefused(): void {
    for (const entry of this.#entries) {
      if (entry.refused === undefined) continue;
      entry.queue.push(entry.refused);
      delete entry.refused;
    }
  }

  #entryOf({ commit, context }: CommitStatus): Entry {
    const known = this.#entries.find((entry) => entry.commit === commit && entry.context === context);
    if (known !== undefined) return known;
    const entry: Entry = { commit, context, queue: [], closed: false, writes: 0 };
    this.#entries.push(entry);
    return entry;
  }

  /** Drops the oldest commits that nothing is waiting for. */
  #forget(): void {
    const commits = [...new Set(this.#entries.map(({ commit }) => commit))];
    const old = new Set(commits.slice(0, Math.max(0, commits.length - MAX_COMMITS)));
    this.#entries = this.#entries.filter(({ commit, queue }) => !old.has(commit) || queue.length > 0);
  }
}

/** Whether the host would show the same. */
export function sameStatus(a: CommitStatus, b: CommitStatus): boolean {
  return a.state === b.state && a.description === b.description && a.targetUrl === b.targetUrl;
}

const STATES: readonly string[] = ['pending', 'success', 'failure', 'error'] satisfies StatusState[];

function isEntry(value: unknown): value is Entry {
  if (!isRecord(value) || typeof value['commit'] !== 'string' || typeof value['context'] !== 'string') return false;
  if (typeof value['closed'] !== 'boolean' || typeof value['writes'] !== 'number') return false;
  const { commit, context, queue, posted, refused } = value;
  if (!Array.isArray(queue)) return false;
  // One under another's name would never be settled, and posted for ever.
  const said = [...(queue as readonly unknown[]), ...[posted, refused].filter((status) => status !== undefined)];
  return said.every((status) => isStatus(status) && status.commit === commit && status.context === context);
}

function isStatus(value: unknown): value is CommitStatus {
  if (!isRecord(value) || !STATES.includes(value['state'] as string)) return false;
  const { targetUrl } = value;
  return (
    ['commit', 'context', 'description'].every((part) => typeof value[part] === 'string') &&
    (targetUrl === undefined || typeof targetUrl === 'string')
  );
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What is still to be said about one commit under one context: how statuses follow one another, and what the host's answers do to them. */
import type { HostLimits } from './host-limits.ts';
import type { CommitStatus } from './ports.ts';

export interface Entry {
  readonly commit: string;
  readonly context: string;
  /** To send, oldest first: the one that must not be skipped, if there is one, and the newest. */
  queue: CommitStatus[];
  /** What the host has, as far as anybody knows. */
  posted?: CommitStatus;
  /** The first of the queue was sent and no answer is known: the host is asked before anything else is sent. */
  sending: boolean;
  /** The host would not take the first of the queue from us: it is offered again, but nobody waits for it. */
  refused: boolean;
  /** The host takes nothing more here. */
  closed: boolean;
  /** Statuses that the host took. */
  writes: number;
  /** Failed deliveries in a row. */
  attempts: number;
  /** Not before this is the next one due; milliseconds since the epoch. */
  notBefore: number;
}

/** The rest is kept for changes of colour, which matter more than counts. */
const SHARE_FOR_WORDS = 0.9;

export function newEntry(commit: string, context: string): Entry {
  return { commit, context, queue: [], sending: false, refused: false, closed: false, writes: 0, attempts: 0, notBefore: 0 };
}

/** Whether the host would show the same: annotations and summary are not compared. */
export function sameStatus(a: CommitStatus, b: CommitStatus): boolean {
  return a.state === b.state && a.description === b.description && a.targetUrl === b.targetUrl;
}

/** The status that the host has or will have once everything is sent. */
export function latestOf({ queue, posted }: Entry): CommitStatus | undefined {
  return queue.at(-1) ?? posted;
}

/** Whether nothing is on its way, and the host shows nothing that would have to end. */
export function isSettled({ queue, posted, closed }: Entry): boolean {
  return queue.length === 0 && (closed || posted?.state !== 'pending');
}

/** Queues a status; `false` when that changes nothing: it was said, can't be shown, or nothing more can be said. */
export function say(entry: Entry, status: CommitStatus, limits: HostLimits): boolean {
  const latest = latestOf(entry);
  if (entry.closed || (latest !== undefined && sameStatus(latest, status))) return false;
  // A pending one would need an end, for which there may be no room.
  if (entry.writes >= limits.writes * SHARE_FOR_WORDS && (status.state === 'pending' || latest?.state === status.state)) return false;
  const kept = mustStay(entry, status) ? entry.queue.slice(0, 1) : [];
  const before = kept[0];
  // Back to what the host has: there is nothing left to say.
  const said = before === undefined ? isSaid(entry, status, limits) : sameStatus(before, status);
  if (said && kept.length === entry.queue.length) return false;
  entry.queue = said ? kept : [...kept, status];
  if (entry.queue.length === 0) atRest(entry);
  else entry.refused = false;
  return true;
}

/** The host has the first of the queue. */
export function arrived(entry: Entry, limits: HostLimits): void {
  const head = entry.queue.shift();
  if (head !== undefined) entry.posted = bare(head);
  entry.writes += 1;
  atRest(entry);
  dropSaid(entry, limits);
}

/** The host was asked, and the first of the queue has not arrived. */
export function absent(entry: Entry, limits: HostLimits): void {
  entry.sending = false;
  const newer = entry.queue[1];
  if (newer !== undefined && !mustStay(entry, newer)) entry.queue.shift();
  dropSaid(entry, limits);
}

/** Nobody knows whether the first of the queue arrived. */
export function unanswered(entry: Entry, until: number): void {
  entry.attempts += 1;
  entry.notBefore = until;
}

/** The host doesn't take the first of the queue: what is newer is offered in its place. */
export function refuse(entry: Entry, until: number, limits: HostLimits): void {
  entry.sending = false;
  entry.refused = true;
  unanswered(entry, until);
  if (entry.queue.length > 1) entry.queue.shift();
  dropSaid(entry, limits);
}

/** The host takes nothing more. */
export function close(entry: Entry): void {
  entry.closed = true;
  entry.queue = [];
  atRest(entry);
}

/** Leaves out what only hosts that show more than a line need, and nobody compares. */
export function bare({ commit, context, state, description, targetUrl }: CommitStatus): CommitStatus {
  return { commit, context, state, description, ...(targetUrl === undefined ? {} : { targetUrl }) };
}

/** The first that is said about a commit may be that there is work, and what may have been sent can't be withdrawn. */
function mustStay({ queue, sending, posted, refused }: Entry, next: CommitStatus): boolean {
  const head = queue[0];
  if (head === undefined) return false;
  return sending || (head.state === 'pending' && next.state !== 'pending' && posted === undefined && !refused);
}

function isSaid({ posted }: Entry, status: CommitStatus, limits: HostLimits): boolean {
  if (posted === undefined) return false;
  return sameStatus(posted, status) || (limits.sameStateRefused && posted.state === status.state);
}

/** What stood between is gone, so the next may be what the host has. */
function dropSaid(entry: Entry, limits: HostLimits): void {
  while (entry.queue[0] !== undefined && isSaid(entry, entry.queue[0], limits)) entry.queue.shift();
  if (entry.queue.length === 0) atRest(entry);
}

function atRest(entry: Entry): void {
  Object.assign(entry, { sending: false, refused: false, attempts: 0, notBefore: 0 } satisfies Partial<Entry>);
}

/**
 * Comments on their way: the newest text for each, one at a time for all who write to one API, at its pace, and again until the host has it. What
 * waits is not stored: a comment says how something is, and after a restart that is looked at anew. The host is asked for ours before
 * one is made, so that none is made twice.
 */
import { plain } from './describe.ts';
import { waitAfter } from './pace.ts';
import type { Pace } from './pace.ts';
import type { Clock, CommentHost, Log, PostResult, PullRequestComment } from './ports.ts';

/** Longest wait for something to deliver, in milliseconds; whoever puts a comment wakes the loop before that. */
const IDLE_MS = 60_000;
/** Milliseconds: a host that is away is back soon, and one that refuses us waits for somebody to mend that. */
const AWAY = { first: 1000, longest: 300_000 };
const REFUSED = { first: 300_000, longest: 3_600_000 };

export interface CommentQueueWiring {
  readonly clock: Clock;
  readonly log: Log;
  /** Shared by all who write to the API. */
  readonly pace: Pace;
  /** From 0 to 1, without it. */
  readonly random: () => number;
}

/** A comment, and the host of its repository. */
export interface HostedComment {
  readonly host: CommentHost;
  readonly comment: PullRequestComment;
}

interface Waiting extends HostedComment {
  /** How often in a row it has failed. */
  readonly attempts: number;
  /** Milliseconds since the epoch. */
  readonly due: number;
  /** What the host refused it with last: said once. */
  readonly refusal: string | undefined;
}

export class CommentQueue {
  readonly #wiring: CommentQueueWiring;
  /** The one that waits longest first. */
  readonly #waiting = new Map<string, Waiting>();
  #wake: () => void = () => undefined;

  constructor(wiring: CommentQueueWiring) {
    this.#wiring = wiring;
  }

  /** Takes the place of what waits for the same pull request and marker. Markers of two repositories must not be the same. */
  put({ host, comment }: HostedComment): void {
    const key = keyOf(comment);
    const before = this.#waiting.get(key);
    const { attempts = 0, refusal } = before ?? {};
    this.#waiting.set(key, { host, comment, attempts, refusal, due: this.#wiring.clock.now() });
    this.#wake();
  }

  /** Nobody wants it any more. One that is on its way arrives all the same. */
  drop(comment: Pick<PullRequestComment, 'pullRequest' | 'marker'>): void {
    this.#waiting.delete(keyOf(comment));
  }

  /** How many the hosts do not have yet. */
  get waiting(): number {
    return this.#waiting.size;
  }

  /** Delivers until the signal is aborted. */
  async deliver(signal: AbortSignal): Promise<void> {
    const { clock, pace } = this.#wiring;
    while (!signal.aborted) {
      const wait = Math.min(...[...this.#waiting.values()].map(({ due }) => due)) - clock.now();
      if (wait > 0) {
        await this.#untilWoken(signal, Math.min(wait, IDLE_MS));
        continue;
      }
      if (!(await pace.turn(signal))) return;
      const next = [...this.#waiting.values()].find(({ due }) => due <= clock.now());
      if (next !== undefined) await this.#send(next, signal);
    }
  }

  async #send(sent: Waiting, signal: AbortSignal): Promise<void> {
    const result = await sent.host.upsert(sent.comment, signal);
    this.#tell(sent, result);
    if (result.kind === 'retry' && result.after !== undefined) this.#wiring.pace.hold(result.after);
    const key = keyOf(sent.comment);
    const now = this.#waiting.get(key);
    // Others have their turn first.
    this.#waiting.delete(key);
    if (result.kind !== 'posted' && result.kind !== 'closed') {
      // Unless it was dropped meanwhile.
      if (now !== undefined) this.#waiting.set(key, this.#later(now, sent, result));
    } else if (now !== undefined && now.comment !== sent.comment) this.#waiting.set(key, { ...now, attempts: 0, refusal: undefined });
  }

  #later(now: Waiting, { attempts, refusal }: Waiting, result: Exclude<PostResult, { readonly kind: 'posted' }>): Waiting {
    const { clock, random } = this.#wiring;
    const backoff = { ...(result.kind === 'retry' ? AWAY : REFUSED), random };
    const wait = (result.kind === 'retry' ? result.after : undefined) ?? waitAfter(attempts, backoff);
    return { ...now, attempts: attempts + 1, refusal: result.kind === 'refused' ? result.message : refusal, due: clock.now() + wait };
  }

  #tell({ comment, refusal }: Waiting, result: PostResult): void {
    const { log } = this.#wiring;
    const what = `the comment "${plain(comment.marker)}" on #${comment.pullRequest}`;
    const say = (level: 'info' | 'warn' | 'error', message: string): void =>
      log({ level, stage: 'comment', message: `${what} ${message}` });
    if (result.kind === 'posted') say('info', 'is up to date');
    else if (result.kind === 'retry') say('warn', `is sent again: ${plain(result.message)}`);
    else if (result.message !== refusal) say('error', `is not taken, and tried again now and then: ${plain(result.message)}`);
  }

  /** Until somebody puts a comment, at most `longest` milliseconds. */
  async #untilWoken(signal: AbortSignal, longest: number): Promise<void> {
    const waiting = new AbortController();
    this.#wake = () => waiting.abort();
    await this.#wiring.clock.sleep(longest, AbortSignal.any([signal, waiting.signal]));
  }
}

function keyOf({ pullRequest, marker }: Pick<PullRequestComment, 'pullRequest' | 'marker'>): string {
  return JSON.stringify([pullRequest, marker]);
}

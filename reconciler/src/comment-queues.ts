/** A queue of comments for each host, at the pace that it shares with the host's statuses. */
import { CommentQueue } from './comment-queue.ts';
import type { CommentQueueWiring } from './comment-queue.ts';
import type { Paces } from './source-statuses.ts';

export interface CommentQueuesParts extends Omit<CommentQueueWiring, 'pace'> {
  readonly paces: Paces;
}

export class CommentQueues {
  readonly #parts: CommentQueuesParts;
  readonly #signal: AbortSignal;
  readonly #queues = new Map<string, { readonly queue: CommentQueue; readonly delivering: Promise<void> }>();

  /** Delivers until the signal is aborted. */
  constructor(parts: CommentQueuesParts, signal: AbortSignal) {
    this.#parts = parts;
    this.#signal = signal;
  }

  /** By the base of the host's API, whose pace is known by then. */
  of(apiUrl: string): CommentQueue {
    const known = this.#queues.get(apiUrl);
    if (known !== undefined) return known.queue;
    const { paces, ...parts } = this.#parts;
    const pace = paces.get(apiUrl);
    if (pace === undefined) throw new Error('comments go to hosts that take statuses, too');
    const queue = new CommentQueue({ ...parts, pace });
    this.#queues.set(apiUrl, { queue, delivering: queue.deliver(this.#signal) });
    return queue;
  }

  /** Resolves when nothing is delivered any more. */
  async ended(): Promise<void> {
    await Promise.all([...this.#queues.values()].map(({ delivering }) => delivering));
  }
}

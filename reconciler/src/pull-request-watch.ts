/** Looks at a source's pull requests while its own run has nothing to do, which always goes first. */
import type { Clock } from './ports.ts';
import type { Followed, PullRequests } from './pull-requests.ts';

/** Milliseconds until what is left is looked at again, where the host does not say. */
const AGAIN = 30_000;

export class PullRequestWatch {
  readonly #pullRequests: PullRequests;
  readonly #clock: Clock;
  #stop = new AbortController();
  #looking: Promise<void> = Promise.resolve();

  constructor(pullRequests: PullRequests, clock: Clock) {
    this.#pullRequests = pullRequests;
    this.#clock = clock;
  }

  /** Commits of which it speaks. */
  get heads(): readonly string[] {
    return this.#pullRequests.heads;
  }

  /** Resolves when nobody looks any more; what was at work goes on with the next `resume`. */
  async pause(): Promise<void> {
    this.#stop.abort();
    await this.#looking;
  }

  /** Looks at what is open, and again at what is left, until it is paused or nothing is. `onBug` hears of what went wrong by our own fault. */
  resume(followed: Followed, onBug: (error: unknown) => void): void {
    this.#stop.abort();
    const stop = new AbortController();
    this.#stop = stop;
    this.#looking = this.#looking.then(() => this.#look(followed, stop.signal)).catch(onBug);
  }

  /** Nobody will look again. */
  async end(description: string): Promise<void> {
    await this.pause();
    this.#pullRequests.end(description);
  }

  async #look(followed: Followed, signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      const { left, failure, after } = await this.#pullRequests.look(followed, signal);
      if (left === 0 && failure === undefined) return;
      await this.#clock.sleep(after ?? AGAIN, signal);
    }
  }
}

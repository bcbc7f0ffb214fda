/** From programs of another version of Parapet to this one's: tried until none of them is left, and never while a container lacks its rules. */
import type { Enforcer } from './ports.ts';
import { reasonOf } from './stage-error.ts';

export interface TakeOverParts {
  readonly enforcer: Pick<Enforcer, 'takeOver'>;
  /** Whether everything that should be in force is. */
  readonly isComplete: () => boolean;
  readonly log: (line: string) => void;
  /** Milliseconds between two tries. Default 10,000. */
  readonly pause?: number;
}

export class TakeOver {
  readonly #parts: TakeOverParts;
  #timer: NodeJS.Timeout | undefined;
  #stopped = false;
  #said = '';

  constructor(parts: TakeOverParts) {
    this.#parts = parts;
  }

  /** Tries now, and again later as long as something keeps them. Never rejects. */
  async begin(): Promise<void> {
    const kept = await this.#try();
    if (this.#stopped) return;
    if (kept !== undefined) this.#say(kept);
    if (kept?.length === 0) return;
    this.#timer = setTimeout(() => void this.begin(), this.#parts.pause ?? 10_000).unref();
  }

  /** Tries no more; what is in force stays. */
  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  /** What keeps them; undefined where it is too early. */
  async #try(): Promise<readonly string[] | undefined> {
    if (!this.#parts.isComplete()) return undefined;
    try {
      return await this.#parts.enforcer.takeOver();
    } catch (error) {
      return [`programs of another version stay in force: ${reasonOf(error)}`];
    }
  }

  /** Once, as long as it is the same. */
  #say(kept: readonly string[]): void {
    const text = kept.join('; ');
    if (text === this.#said) return;
    this.#parts.log(text === '' ? 'programs of another version are in force no more' : text);
    this.#said = text;
  }
}

/** What nodes say about policies. Most nodes say the same, so each saying is kept once and known by a number: a node costs a number a policy. */
import type { PolicyReport, PolicyState } from '@parapet/policy';
import { tidy } from './policy-status.ts';

export interface Saying {
  readonly state: PolicyState;
  readonly generation: number | undefined;
  readonly commit: string | undefined;
  readonly containers: number;
  /** One short line. */
  readonly message: string;
}

/** A node may say anything, and sums must stay exact. */
const MAX_CONTAINERS = 1_000_000;

interface Kept {
  readonly key: string;
  readonly saying: Saying;
  uses: number;
}

export class Sayings {
  readonly #numbers = new Map<string, number>();
  readonly #kept: (Kept | undefined)[] = [];
  readonly #free: number[] = [];

  /** The number of what is said here, which is kept until it is dropped as often as it was taken. */
  take(report: PolicyReport): number {
    const saying = sayingOf(report);
    const { state, generation, commit, containers, message } = saying;
    // A commit may hold anything, so it comes last, after what has no NUL in it.
    const key = `${state}\0${generation ?? ''}\0${containers}\0${message}\0${commit === undefined ? '' : `=${commit}`}`;
    const known = this.#numbers.get(key);
    if (known !== undefined) {
      this.#at(known).uses += 1;
      return known;
    }
    const number = this.#free.pop() ?? this.#kept.length;
    this.#kept[number] = { key, saying, uses: 1 };
    this.#numbers.set(key, number);
    return number;
  }

  drop(number: number): void {
    const kept = this.#at(number);
    kept.uses -= 1;
    if (kept.uses > 0) return;
    this.#numbers.delete(kept.key);
    this.#kept[number] = undefined;
    this.#free.push(number);
  }

  get(number: number): Saying {
    return this.#at(number).saying;
  }

  /** Whether it is this that is said: much cheaper than taking it once more. */
  is(number: number, report: PolicyReport): boolean {
    const { state, generation, commit, containers, message } = this.#at(number).saying;
    const isSame =
      state === report.state && generation === report.generation && commit === report.commit && containers === report.containers;
    return isSame && message === (report.message === '' ? '' : tidy(report.message));
  }

  /** How many different ones there are. */
  get size(): number {
    return this.#numbers.size;
  }

  #at(number: number): Kept {
    const kept = this.#kept[number];
    if (kept === undefined) throw new Error(`nothing is said under ${number}`);
    return kept;
  }
}

function sayingOf({ state, generation, commit, containers, message }: PolicyReport): Saying {
  return { state, generation, commit, containers: Math.min(containers, MAX_CONTAINERS), message: tidy(message) };
}

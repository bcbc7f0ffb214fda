/** Whether samples of a long run are flat. */
import { median } from '../cluster/figures.ts';

export interface Growth {
  /** Median of the second fifth: the first is for warming up. */
  readonly second: number;
  /** Median of the last fifth. */
  readonly last: number;
  /** How many times `second` is `last`; 1 is flat. */
  readonly ratio: number;
}

/** Of samples in the order in which they were taken. Throws a RangeError for fewer than five, which have no fifths. */
export function growthOf(samples: readonly number[]): Growth {
  if (samples.length < 5) throw new RangeError(`${samples.length} samples have no fifths`);
  const fifth = (number: number): readonly number[] =>
    samples.slice(Math.floor(((number - 1) * samples.length) / 5), Math.floor((number * samples.length) / 5));
  const [second, last] = [median(fifth(2)), median(fifth(5))];
  return { second, last, ratio: last / second };
}

import { expect, test } from '@jest/globals';
import { growthOf } from '../../bench/soak/growth.ts';

const fifths = (...values: readonly number[]): number[] => values.flatMap((value) => [value, value, value]);

test('the last fifth is compared with the second, whatever the first was and whatever came between', () => {
  expect(growthOf(fifths(1, 100, 500, 2, 110))).toEqual({ second: 100, last: 110, ratio: 1.1 });
  expect(growthOf(fifths(900, 100, 100, 100, 100)).ratio).toBe(1);
});

test('one sample that stands out is no growth', () => {
  expect(growthOf([...fifths(1, 100, 100, 100), 100, 100, 9000]).ratio).toBe(1);
});

test('what shrinks has a ratio below 1', () => {
  expect(growthOf(fifths(1, 100, 1, 1, 50)).ratio).toBe(0.5);
});

test('samples that do not divide by five are all used: the last fifth ends with the last one', () => {
  expect(growthOf([0, 10, 10, 10, 10, 10, 77])).toMatchObject({ second: 10, last: 10 });
  expect(growthOf([0, 10, 10, 10, 10, 77])).toMatchObject({ second: 10, last: 10 });
  expect(growthOf([0, 10, 0, 0, 77])).toEqual({ second: 10, last: 77, ratio: 7.7 });
});

test('fewer than five samples can not be judged', () => {
  expect(() => growthOf([1, 2, 3, 4])).toThrow(RangeError);
});

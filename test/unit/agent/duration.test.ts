import { expect, test } from '@jest/globals';
import { parseDuration } from '../../../agent/src/duration.ts';

test.each([
  ['30s', 30_000],
  ['500ms', 500],
  ['1.5m', 90_000],
  ['2h', 7_200_000],
  [' 1s ', 1000],
  [250, 250],
  [0, 0],
])('%j is %j milliseconds', (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});

test.each(['', '30', 's', '-1s', '1d', '1s2', 'Infinitys', Number.NaN, -1, Infinity])('%j is no time', (text) => {
  expect(parseDuration(text)).toBeUndefined();
});

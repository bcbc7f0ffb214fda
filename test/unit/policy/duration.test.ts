import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { parseDuration } from '../../../policy/src/duration.ts';

test.each([
  ['500ms', 500],
  ['5s', 5000],
  ['1.5s', 1500],
  ['1m', 60_000],
  ['2h', 7_200_000],
  [' 5s ', 5000],
  ['24h', 86_400_000],
  ['0s', 0],
  ['1h30m', 5_400_000],
  ['1m0.5s', 60_500],
  ['23h60m', 86_400_000],
])('%s is %d milliseconds', (text, milliseconds) => {
  expect(parseDuration(text)).toBe(milliseconds);
});

test.each([
  '',
  '5',
  's',
  '-5s',
  '+5s',
  '0.0001s',
  '25h',
  '1e3s',
  '5 s',
  '5S',
  '1h30',
  '1h 30m',
  '23h61m',
  'h1',
  '1m'.repeat(40),
  '1.2345s',
  'NaNs',
  '9999999999ms',
  '٥s',
])('%j is no duration', (text) => {
  expect(parseDuration(text)).toBeUndefined();
});

test('whatever is written, the answer is undefined or at most a day', () => {
  const texts = fc.oneof(fc.string({ unit: 'binary' }), fc.stringMatching(/^([0-9.]{1,12}(ms|s|m|h)){1,3}$/));
  fc.assert(
    fc.property(texts, (text) => {
      const read = parseDuration(text);
      expect(read === undefined || (Number.isInteger(read) && read >= 0 && read <= 86_400_000)).toBe(true);
    }),
  );
});

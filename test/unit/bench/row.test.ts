import { expect, test } from '@jest/globals';
import { row, tableOf } from '../../bench/row.ts';

test('a value that reaches its bound meets its goal, and one beyond it does not', () => {
  expect(row('a', [3, 's'], { atMost: 3 })).toEqual({ name: 'a', value: 3, unit: 's', goal: 3, met: true });
  expect(row('a', [3.01, 's'], { atMost: 3 }).met).toBe(false);
  expect(row('a', [200, '/s'], { atLeast: 200 }).met).toBe(true);
  expect(row('a', [199, '/s'], { atLeast: 200 }).met).toBe(false);
});

test('a row without a goal neither meets nor misses it', () => {
  expect(row('a', [1.23456, 's'])).toEqual({ name: 'a', value: 1.235, unit: 's', goal: null, met: null });
});

test('misses stand in the table and are named below it', () => {
  const text = tableOf([row('fast', [1, 's'], { atMost: 2 }), row('slow', [1234, 's'], { atMost: 2 })]);
  expect(text).toMatch(/^slow +1,234 s +2 +MISSED$/m);
  expect(text).toMatch(/1 of 2 goals missed: slow$/);
  expect(tableOf([row('fast', [1, 's'], { atMost: 2 })])).toMatch(/all 1 goals met$/);
});

import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { inLull } from '../../../agent/src/lull.ts';
import type { LullTimes } from '../../../agent/src/lull.ts';

beforeEach(() => void jest.useFakeTimers());
afterEach(() => void jest.useRealTimers());

/** Notes when the task was done, in milliseconds from now. */
function noted(times: LullTimes) {
  const start = performance.now();
  const done: number[] = [];
  return { done, lull: inLull(() => void done.push(performance.now() - start), times) };
}

const pass = (milliseconds: number) => jest.advanceTimersByTime(milliseconds);

test('much work is followed by one task, in the pause after it', () => {
  const { lull, done } = noted({ quiet: 100, apart: 1000 });
  for (let i = 0; i < 5; i += 1) {
    lull.worked();
    pass(20);
  }
  expect(done).toEqual([]);
  pass(10_000);
  expect(done).toEqual([180]);
});

test('without work there is no task', () => {
  const { done } = noted({ quiet: 1, apart: 1 });
  pass(10_000);
  expect(done).toEqual([]);
});

test('work that never pauses does not put the task off for ever', () => {
  const { lull, done } = noted({ quiet: 100, apart: 1000 });
  for (let i = 0; i < 50; i += 1) {
    lull.worked();
    pass(50);
  }
  expect(done).toEqual([1000, 2000]);
});

test('two tasks are apart, however soon work pauses', () => {
  const { lull, done } = noted({ quiet: 100, apart: 1000 });
  lull.worked();
  pass(150);
  lull.worked();
  pass(10_000);
  expect(done).toEqual([100, 1100]);
});

test('once stopped it is never done again', () => {
  const { lull, done } = noted({ quiet: 100, apart: 1000 });
  lull.worked();
  lull.stop();
  lull.worked();
  pass(10_000);
  expect(done).toEqual([]);
});

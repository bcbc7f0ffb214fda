import { expect, test } from '@jest/globals';
import { exitStatus, lineOf, sum, tallyOfJest } from '../../support/tally.ts';

const REPORT = { numPassedTests: 5, numFailedTests: 1, numPendingTests: 2, numTodoTests: 1, numRuntimeErrorTestSuites: 3 };

test('a test file that cannot be run is a failure, and so is a run without a report', () => {
  expect(tallyOfJest(REPORT)).toEqual({ passed: 5, failed: 4, skipped: 3 });
  expect(tallyOfJest(undefined)).toEqual({ passed: 0, failed: 1, skipped: 0 });
});

test('the last line gives the sums', () => {
  expect(lineOf(sum([tallyOfJest(REPORT), { passed: 1, failed: 0, skipped: 0 }]))).toBe('6 passed, 4 failed, 3 skipped');
});

test('a run succeeds when something passed and nothing failed, and in CI when nothing was skipped either', () => {
  expect(exitStatus({ passed: 1, failed: 0, skipped: 1 }, false)).toBe(0);
  expect(exitStatus({ passed: 1, failed: 0, skipped: 1 }, true)).toBe(1);
  expect(exitStatus({ passed: 1, failed: 1, skipped: 0 }, false)).toBe(1);
  expect(exitStatus({ passed: 0, failed: 0, skipped: 0 }, false)).toBe(1);
});

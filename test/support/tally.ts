/** Counting tests over several tools: jest's own report, and checks that count as one test each. */

export interface Tally {
  readonly passed: number;
  readonly failed: number;
  readonly skipped: number;
}

export const NOTHING: Tally = { passed: 0, failed: 0, skipped: 0 };

/** What is read of the report that `jest --json` writes. */
export interface JestReport {
  readonly numPassedTests: number;
  readonly numFailedTests: number;
  readonly numPendingTests: number;
  readonly numTodoTests: number;
  /** Test files that could not be run at all. */
  readonly numRuntimeErrorTestSuites: number;
}

/** A file that could not be run counts as one failure; a run without a report (jest itself broke) too. */
export function tallyOfJest(report: JestReport | undefined): Tally {
  if (report === undefined) return { passed: 0, failed: 1, skipped: 0 };
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + report.numRuntimeErrorTestSuites,
    skipped: report.numPendingTests + report.numTodoTests,
  };
}

export function sum(tallies: readonly Tally[]): Tally {
  return tallies.reduce(
    (total, next) => ({ passed: total.passed + next.passed, failed: total.failed + next.failed, skipped: total.skipped + next.skipped }),
    NOTHING,
  );
}

/** The last line of a test run. */
export const lineOf = (tally: Tally): string => `${tally.passed} passed, ${tally.failed} failed, ${tally.skipped} skipped`;

/** 0 when something passed and nothing failed; in CI, nothing may be skipped either. */
export function exitStatus(tally: Tally, inCi: boolean): number {
  return tally.passed > 0 && tally.failed === 0 && !(inCi && tally.skipped > 0) ? 0 : 1;
}

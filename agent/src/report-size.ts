/** A report small enough for the store of the API server, which takes objects of a megabyte and a half. */
import type { NodeReport, PolicyReport, ViolationReport } from '@parapet/policy';

/** Bytes of a report as JSON: enough below what is taken for what the server adds. */
export const MAX_REPORT = 1024 * 1024;
/** Most entries of a list, and characters of a text, that the definition of NodeReport takes. */
const MAX_ENTRIES = 10_000;
const MAX_TEXT = 8192;
/** Characters that are left of every text, in turn, until all of it fits. */
const SHORTEST = 64;
const STEPS = [MAX_TEXT, 1024, 256, SHORTEST];
/** Bytes for the sentence about what is left out, and for the count of it. */
const CUT = 350;

/**
 * The report, or as much of it as `limit` bytes hold, with a sentence about what they don't. First details are shortened, the longest first;
 * then violations are left out, the last ones; then policies, of which those that are in force go first: they seem to be pending then.
 */
export function fitReport(report: NodeReport, limit: number = MAX_REPORT): NodeReport {
  const isShort = [report.status.policies, report.status.violations].every(({ length }) => length <= MAX_ENTRIES);
  if (isShort && !hasLonger(report, MAX_TEXT) && bytesOf(report) <= limit) return report;
  const length = STEPS.find((step) => bytesOf(shortened(report, step)) <= limit) ?? SHORTEST;
  const short = shortened(report, length).status;
  const room = limit - CUT - bytesOf({ ...report, status: { ...short, policies: [], violations: [] } });
  const policies = fitting(short.policies, room, ({ state }) => state === 'Enforced');
  const violations = fitting(short.violations, room - bytesOf(policies), () => false);
  const cut = [
    hasLonger(report, length) ? `texts beyond ${length} characters` : '',
    leftOut('violations', report.status.violations.length, violations.length),
    leftOut('policies', report.status.policies.length, policies.length),
  ].filter((part) => part !== '');
  const counters = { ...short.counters, violationsCut: denialsOf(short.violations) - denialsOf(violations) };
  return { ...report, status: { ...short, cut: cut.join('; '), policies, violations, counters } };
}

/** Nothing is lost uncounted: what is left out of the list is in the counter `violationsCut`. */
function denialsOf(violations: readonly ViolationReport[]): number {
  return violations.reduce((sum, { count }) => sum + count, 0);
}

function shortened(report: NodeReport, length: number): NodeReport {
  const { policies, violations } = report.status;
  // Half a character is none.
  const start = (text: string): string => text.slice(0, length - 1).replace(/[\ud800-\udbff]$/, '');
  const short = (text: string): string => (text.length <= length ? text : `${start(text)}…`);
  return {
    ...report,
    status: {
      ...report.status,
      policies: policies.map((policy): PolicyReport => ({ ...policy, message: short(policy.message) })),
      violations: violations.map((one): ViolationReport => ({ ...one, message: short(one.message), resource: short(one.resource) })),
    },
  };
}

function hasLonger({ status: { policies, violations } }: NodeReport, length: number): boolean {
  const texts = [...policies.map(({ message }) => message), ...violations.flatMap(({ message, resource }) => [message, resource])];
  return texts.some((text) => text.length > length);
}

/** As many as there is room for, in their order; those that `isLast` are left out before the others. */
function fitting<T>(items: readonly T[], room: number, isLast: (item: T) => boolean): readonly T[] {
  const kept = new Set<T>();
  // Brackets; each item has a comma.
  let left = room - 2;
  for (const item of [...items].sort((a, b) => Number(isLast(a)) - Number(isLast(b)))) {
    left -= bytesOf(item) + 1;
    if (left < 0 || kept.size === MAX_ENTRIES) break;
    kept.add(item);
  }
  return items.filter((item) => kept.has(item));
}

function leftOut(what: string, all: number, kept: number): string {
  return kept === all ? '' : `${all - kept} of ${all} ${what}`;
}

function bytesOf(value: unknown): number {
  return new TextEncoder().encode(JSON.stringify(value)).length;
}

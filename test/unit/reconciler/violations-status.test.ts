import { beforeEach, expect, test } from '@jest/globals';
import type { ViolationReport } from '@parapet/policy';
import fc from 'fast-check';
import type { Outcome } from '../../../reconciler/src/outcome.ts';
import { VIOLATIONS_SETTINGS, ViolationsStatus } from '../../../reconciler/src/violations-status.ts';
import type { Look } from '../../../reconciler/src/violations-status.ts';
import { hash, violation } from './builders.ts';

const commit = hash('c');
const MINUTE = 60_000;
const QUIET = VIOLATIONS_SETTINGS.quiet;
const START = Date.parse('2026-01-31T12:00:00.000Z');
let status: ViolationsStatus;
let now = START;

beforeEach(() => {
  now = START;
  status = new ViolationsStatus(commit, VIOLATIONS_SETTINGS);
});

type Seen = Partial<ViolationReport> & { node?: string };
const lookAt = (seen: readonly Seen[], rest: Partial<Look> = {}): Look => ({
  hits: seen.map(({ node = 'n1', ...one }) => ({ node, violation: violation({ commit, ...one }) })),
  enforced: true,
  watched: true,
  now,
  ...rest,
});
const text = (outcome: Outcome | undefined): string | undefined => outcome && `${outcome.state}: ${outcome.description}`;
/** One look, after `passed` milliseconds. */
function look(passed: number, ...seen: readonly Seen[]): string | undefined {
  now += passed;
  return text(status.see(lookAt(seen)));
}
const RED = 'failure: 1 blocked: web spec.process.matchPaths[0] /usr/bin/apt';

test('green is said once, when the commit is in force', () => {
  expect(text(status.see(lookAt([], { enforced: false })))).toBeUndefined();
  expect([look(0), look(MINUTE)]).toEqual(['success: no violations', undefined]);
});

test('the first violation turns it red at once, also before the commit is in force and right after green', () => {
  expect(text(status.see(lookAt([{}], { enforced: false })))).toBe(RED);
  status = new ViolationsStatus(commit, VIOLATIONS_SETTINGS);
  expect([look(0), look(1, {})]).toEqual(['success: no violations', RED]);
});

test('other rules and workloads are told of once a minute, all that came meanwhile at once', () => {
  look(0, { workload: 'shop/Deployment/web' });
  const rules = ['a', 'b', 'c'].map((rule) => ({ rule, workload: 'shop/Deployment/web' }));
  const seen = [{ workload: 'shop/Deployment/web' }, ...rules];
  expect([look(10_000, ...seen.slice(0, 2)), look(10_000, ...seen.slice(0, 3)), look(10_000, ...seen)]).toEqual(Array(3).fill(undefined));
  expect(look(30_000, ...seen)).toBe('failure: 1 blocked: web a /usr/bin/apt in shop/Deployment/web, 3 more by 3 other rules');
  expect(look(MINUTE, ...seen)).toBeUndefined();
  expect(look(0, ...seen, { workload: 'shop/Deployment/db' })).toMatch(
    /^failure: 2 blocked: web spec\S+ \/usr\/bin\/apt in 2 workloads, 3 more/,
  );
});

test('of numbers only orders of magnitude are told of, and once a minute', () => {
  look(0, { count: 1 });
  expect([look(MINUTE, { count: 9 }), look(MINUTE, { count: 10 })?.slice(0, 19)]).toEqual([undefined, 'failure: 10 blocked']);
  expect([look(30_000, { count: 500 }), look(30_000, { count: 501 })?.slice(0, 20)]).toEqual([undefined, 'failure: 501 blocked']);
  expect([look(MINUTE, { count: 999 }), look(MINUTE, { count: 1000 })?.slice(0, 21)]).toEqual([undefined, 'failure: 1000 blocked']);
});

test('after a quiet period it is green again and says what was, and the next violation turns it red, for what is new', () => {
  look(0, { count: 30 }, { rule: 'other', action: 'Audit', count: 6 });
  look(41 * MINUTE, { count: 31 }, { rule: 'other', action: 'Audit', count: 6 });
  const same = [{ count: 31 }, { rule: 'other', action: 'Audit', count: 6 } as const];
  expect(look(QUIET - 1, ...same)).toBeUndefined();
  expect(look(1, ...same)).toBe('success: quiet for 15 min; 37 earlier, last 2026-01-31 12:41 UTC: web spec.process.matchPaths[0]');
  expect(look(10 * QUIET, ...same)).toBeUndefined();
  expect(look(0, { count: 31 }, { rule: 'other', action: 'Audit', count: 7 })).toBe('failure: 1 audited: web other /usr/bin/apt');
});

test('every violation prolongs the wait for quiet, and silence of nodes that are away is no quiet', () => {
  look(0, { count: 1 });
  expect([look(QUIET - 1, { count: 2 }), look(QUIET - 1, { count: 2 })]).toEqual([undefined, undefined]);
  now += QUIET;
  expect(status.see(lookAt([], { watched: false }))).toBeUndefined();
  expect(look(0)).toMatch(/^success: quiet/);
});

test('a counter that starts anew counts from there, and one that comes back as it was says nothing new', () => {
  look(0, { count: 5 }, { node: 'n2', count: 2 });
  look(2 * QUIET, { count: 5 });
  expect(look(0, { count: 5 }, { node: 'n2', count: 2 })).toBeUndefined();
  expect(look(0, { count: 5 }, { node: 'n2', count: 1 })).toBe(RED);
  expect(status.total).toBe(8);
});

test('a report that names a counter twice is no endless stream of violations', () => {
  look(0, { count: 5 }, { count: 3 });
  for (let turn = 0; turn < 3; turn += 1) look(MINUTE, { count: 5 }, { count: 3 });
  expect(status.total).toBe(8);
});

test('a clock that is set back keeps nothing red for longer than the quiet period', () => {
  look(0, {});
  now -= 100 * QUIET;
  expect([look(0, {}), look(QUIET - 1, {}), look(1, {})?.slice(0, 7)]).toEqual([undefined, undefined, 'success']);
});

test('beyond what is followed one by one, violations are still seen, and quiet too', () => {
  const many = (count: number): Seen[] => Array.from({ length: 5000 }, (_, index) => ({ node: `n${index}`, count }));
  expect(look(0, ...many(1))).toMatch(/^failure: 5000 blocked/);
  expect(look(QUIET, ...many(1))).toMatch(/^success: quiet for 15 min; 5000 earlier/);
  const last = many(1);
  last[4999] = { node: 'n4999', count: 2 };
  expect(look(0, ...last)).toMatch(/^failure/);
  expect(Buffer.byteLength(JSON.stringify(status))).toBeLessThan(256 * 1024);
});

const someLook = fc.record({
  passed: fc.oneof(fc.nat(2 * MINUTE), fc.constantFrom(QUIET, 2 * QUIET)),
  counts: fc.array(fc.nat(12), { minLength: 4, maxLength: 4 }),
  restart: fc.boolean(),
});
/** Four counters: two rules, two workloads. */
const four = (counts: readonly number[]): Seen[] =>
  counts.map((count, index) => ({ count, rule: `r${index % 2}`, workload: `shop/Pod/${index >> 1}` })).filter(({ count }) => count > 0);

test('whatever is seen, red comes with the first violation, at most one write a minute follows, and green only after quiet', () => {
  fc.assert(
    fc.property(fc.array(someLook, { maxLength: 60 }), (looks) => {
      status = new ViolationsStatus(commit, VIOLATIONS_SETTINGS);
      now = START;
      let [red, lastRed, lastNew, total] = [false, -Infinity, -Infinity, 0];
      for (const { passed, counts } of looks) {
        now += passed;
        const said = status.see(lookAt(four(counts)))?.state;
        if (status.total > total) lastNew = now;
        const allowed = red
          ? [now - lastNew < QUIET ? 'still red' : 'green', now - lastRed >= MINUTE && now - lastNew < QUIET ? 'red again' : 'green']
          : [status.total > total ? 'red' : 'green or nothing'];
        const was = red
          ? ({ failure: 'red again', success: 'green' }[said as string] ?? 'still red')
          : said === 'failure'
            ? 'red'
            : 'green or nothing';
        expect(allowed).toContain(was);
        if (said === 'failure') lastRed = now;
        [red, total] = [said === undefined ? red : said === 'failure', status.total];
      }
    }),
    { numRuns: 500 },
  );
});

test('a restart at any moment changes nothing that is said', () => {
  fc.assert(
    fc.property(fc.array(someLook, { maxLength: 40 }), (looks) => {
      const said = (restarts: boolean): unknown[] => {
        let one = new ViolationsStatus(commit, VIOLATIONS_SETTINGS);
        now = START;
        return looks.map(({ passed, counts, restart }) => {
          now += passed;
          if (restart && restarts) one = new ViolationsStatus(commit, VIOLATIONS_SETTINGS, JSON.parse(JSON.stringify(one)));
          return one.see(lookAt(four(counts)));
        });
      };
      expect(said(true)).toEqual(said(false));
    }),
    { numRuns: 500 },
  );
});

test('what is stored about another commit, or damaged, is nothing', () => {
  look(0, {});
  const stored = JSON.parse(JSON.stringify(status)) as Record<string, unknown>;
  const fresh = JSON.stringify(new ViolationsStatus(commit, VIOLATIONS_SETTINGS));
  const after = (value: unknown): string => JSON.stringify(new ViolationsStatus(commit, VIOLATIONS_SETTINGS, value));
  expect(after(stored)).toBe(JSON.stringify(stored));
  const damaged = [
    { commit: hash('d') },
    { version: 2 },
    { colour: 'blue' },
    { series: [['x', 1]] },
    { known: [7] },
    { total: -1 },
    { before: 9 },
    { last: { at: 1e300, name: '' } },
    { written: null },
  ];
  for (const rest of damaged) expect(after({ ...stored, ...rest })).toBe(fresh);
  fc.assert(fc.property(fc.anything(), (value) => expect(after(value)).toBe(fresh)));
});

test('what counters had before the commit is not the commit’s, and what comes on top is', () => {
  const before = lookAt([{ count: 40 }, { rule: 'b', count: 7 }]);
  status.startFrom(before.hits);
  expect(look(0, { count: 40 }, { rule: 'b', count: 7 })).toBe('success: no violations');
  expect(look(1, { count: 42 }, { rule: 'b', count: 7 })).toBe('failure: 2 blocked: web spec.process.matchPaths[0] /usr/bin/apt');
  status.startFrom(lookAt([{ count: 90 }]).hits);
  expect(status.total).toBe(2);
  look(1, { count: 90 });
  expect(status.total).toBe(50);
});

test('counters beyond those that are followed one by one start from before the commit too', () => {
  const many = Array.from({ length: 4010 }, (_, index) => ({ rule: `r${index}`, count: 3 }));
  status.startFrom(lookAt(many).hits);
  expect(look(0, ...many)).toBe('success: no violations');
  look(1, ...many.map((one, index) => (index === 4005 ? { ...one, count: 4 } : one)));
  expect(status.total).toBe(1);
});

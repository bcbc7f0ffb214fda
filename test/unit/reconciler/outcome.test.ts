import { expect, test } from '@jest/globals';
import type { PolicyReport, ViolationReport } from '@parapet/policy';
import fc from 'fast-check';
import { enforcedOutcome, hitsOf, violationsOutcome } from '../../../reconciler/src/outcome.ts';
import type { SeenReport } from '../../../reconciler/src/outcome.ts';
import { entry, hash, inventory, nodeReport, policyReport, violation } from './builders.ts';

const commit = hash('c');
const applied = inventory(commit, [entry('web'), entry('db')]);
const both = (rest: Partial<PolicyReport> = {}): PolicyReport[] => [
  policyReport('web', { commit }),
  policyReport('db', { commit, ...rest }),
];
const seen = (name: string, policies: readonly PolicyReport[], fresh = true): SeenReport => ({
  report: nodeReport(name, { policies }),
  fresh,
});

test.each([
  ['no node, early', { reports: [], waited: 0 }, 'pending: waiting for a node to report'],
  ['no node, late', { reports: [], waited: 60_000 }, 'error: no node has reported for 60 seconds'],
  [
    'only a node that has gone quiet',
    { reports: [seen('n1', both(), false)], waited: 60_000 },
    'error: no node has reported for 60 seconds',
  ],
  ['one node that holds all', { reports: [seen('n1', both())], waited: 0 }, 'success: 1 of 1 nodes'],
  ['one of two', { reports: [seen('n1', both()), seen('n2', [])], waited: 90_000 }, 'pending: 1 of 2 nodes'],
  ['a quiet one beside one that holds all', { reports: [seen('n1', both()), seen('n2', [], false)], waited: 0 }, 'success: 1 of 1 nodes'],
  ['a node that still holds an older commit', { reports: [seen('n1', both({ commit: hash('b') }))], waited: 0 }, 'pending: 0 of 1 nodes'],
  ['a node on its way', { reports: [seen('n1', both({ state: 'Pending' }))], waited: 0 }, 'pending: 0 of 1 nodes'],
  [
    'a policy degraded',
    { reports: [seen('n1', both({ state: 'Degraded', message: 'no such capability' }))], waited: 0 },
    'failure: db: degraded on n1: no such capability',
  ],
  [
    'a degradation of an older commit',
    { reports: [seen('n1', both({ state: 'Degraded', commit: hash('b') }))], waited: 0 },
    'pending: 0 of 1 nodes',
  ],
  [
    'a manifest rejected without its commit',
    { reports: [seen('n1', [policyReport('db', { state: 'Rejected', message: '' })])], waited: 0 },
    'failure: db: rejected on n1: no reason given',
  ],
  [
    'a failure of a quiet node',
    { reports: [seen('n1', both({ state: 'Degraded' }), false), seen('n2', both())], waited: 0 },
    'success: 1 of 1 nodes',
  ],
])('%s', (_name, { reports, waited }, said) => {
  const { state, description } = enforcedOutcome({ inventory: applied, reports, waited, patience: 60_000 });
  expect(`${state}: ${description}`).toBe(said);
});

const against = (violations: readonly ViolationReport[]): ReturnType<typeof violationsOutcome> =>
  violationsOutcome(hitsOf([{ report: nodeReport('n1', { violations }), fresh: true }], applied));
const ours = (rest: Partial<ViolationReport> = {}): ViolationReport => violation({ commit, ...rest });

test('without violations there is nothing to say', () => {
  expect(against([])).toBeUndefined();
});

test('what is not about this commit, does not count or is nobody’s policy is ignored', () => {
  const others = [
    ours({ commit: hash('b') }),
    violation(),
    ours({ count: 0 }),
    ours({ action: 'Allow' }),
    ours({ name: 'stranger' }),
    ours({ namespace: 'other' }),
  ];
  expect(against(others)).toBeUndefined();
});

test('the worst rule is named: Block before Audit, then severity, then how often, then by name', () => {
  const rule = (name: string, rest: Partial<ViolationReport>): ViolationReport => ours({ rule: name, ...rest });
  const order = [
    rule('often', { action: 'Block', severity: 5, count: 9 }),
    rule('severe', { action: 'Block', severity: 6, count: 1 }),
    rule('audited', { action: 'Audit', severity: 10, count: 999 }),
  ];
  expect(against(order)?.description).toBe('1 blocked: web severe /usr/bin/apt, 1008 more by 2 other rules');
  expect(against([order[0]!, order[2]!])?.description).toBe('9 blocked: web often /usr/bin/apt, 999 more by 1 other rule');
  expect(against([order[2]!])?.description).toBe('999 audited: web audited /usr/bin/apt');
  const ties = [rule('b', {}), rule('a', {})];
  expect(against(ties)?.description).toBe(against(ties.toReversed())?.description);
});

test('violations of one rule are added up over nodes, and the line of the program is named', () => {
  const reports = ['n1', 'n2'].map((name) => ({
    report: nodeReport(name, { violations: [ours({ count: 2, source: 'main.ts:12' })] }),
    fresh: name === 'n1',
  }));
  const outcome = violationsOutcome(hitsOf(reports, applied));
  expect(outcome).toMatchObject({ state: 'failure', description: '4 blocked: web spec.process.matchPaths[0] /usr/bin/apt (main.ts:12)' });
});

test('the workload that was hit is named, or how many were', () => {
  const [web, db] = [ours({ workload: 'shop/Deployment/web' }), ours({ workload: 'shop/StatefulSet/db', source: 'main.ts:12' })];
  expect(against([web, ours()])?.description).toBe('2 blocked: web spec.process.matchPaths[0] /usr/bin/apt in shop/Deployment/web');
  const long = { workload: `shop/Deployment/${'w'.repeat(60)}`, source: 's'.repeat(60) };
  const others = ['r1', 'r2'].map((rule) => ours({ ...long, rule, severity: 1, count: 1e15 }));
  expect(against([ours(long), ...others])?.description).toBe(
    `1 blocked: web spec.process.matchPaths[0] /usr… (${'s'.repeat(49)}…), 2000000000000000 more by 2 other rules`,
  );
  expect(against([db, web])?.description).toBe('2 blocked: web spec.process.matchPaths[0] /usr/bin/apt (main.ts:12) in 2 workloads');
});

test('whatever nodes report, descriptions are one line of at most 140 characters', () => {
  const text = fc.string({ unit: 'binary', maxLength: 300 });
  const number = fc.maxSafeNat();
  const reported = fc.record({
    rule: text,
    resource: text,
    source: text,
    message: text,
    workload: fc.option(text, { nil: undefined }),
    severity: number,
    count: number,
    action: fc.constantFrom('Audit', 'Block'),
  });
  const policies = fc.array(fc.record({ message: text, state: fc.constantFrom('Degraded', 'Rejected', 'Pending') }), { maxLength: 2 });
  fc.assert(
    fc.property(fc.array(reported), policies, text, (violations, states, name) => {
      const report = nodeReport(name, {
        violations: violations.map((one) => ours(one)),
        policies: states.map((state, index) => policyReport(index === 0 ? 'web' : 'db', { ...state, commit })),
      });
      const input = { inventory: applied, reports: [{ report, fresh: true }] };
      for (const outcome of [enforcedOutcome({ ...input, waited: 0, patience: 1 }), violationsOutcome(hitsOf(input.reports, applied))]) {
        expect(outcome?.description.length ?? 0).toBeLessThanOrEqual(140);
        expect(outcome?.description ?? '').not.toMatch(/[\p{Cc}\p{Cf}\p{Cs}\p{Zl}\p{Zp}]/u);
      }
    }),
    { numRuns: 300 },
  );
});

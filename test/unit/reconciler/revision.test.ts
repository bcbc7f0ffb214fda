import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { refKey } from '@parapet/policy';
import type { Desired, Existing } from '../../../reconciler/src/delivery.ts';
import type { Judged } from '../../../reconciler/src/judge.ts';
import { describeRevision, planRevision } from '../../../reconciler/src/revision.ts';
import type { RevisionPlan, RevisionRules } from '../../../reconciler/src/revision.ts';

const RULES: RevisionRules = { prune: true, pruneLimit: 50, pruneConfirmed: false, allowEmpty: false, force: false, drift: 'Correct' };

const ref = (name: string) => ({ kind: 'KubeArmorPolicy', namespace: 'shop', name }) as const;
const judged = (name: string, { accepted = true, mark = 'new' } = {}): Judged => ({
  ref: ref(name),
  value: {},
  fingerprint: mark,
  rules: 1,
  accepted,
  problems: accepted ? [] : [{ code: 'invalid-value', severity: 'error', place: {}, message: 'wrong' }],
});
const existing = (name: string, over: Partial<Existing> = {}): Existing => ({ ...ref(name), fingerprint: 'new', owner: 'ours', ...over });

function plan(all: readonly Judged[], there: readonly Existing[], rules: Partial<RevisionRules> = {}): RevisionPlan {
  const desired = new Map<string, Desired>();
  for (const { ref: name, accepted, fingerprint } of all)
    if (name !== undefined && accepted) desired.set(refKey(name), { ...name, manifest: {}, fingerprint, rules: 1 });
  return planRevision({ judged: all, desired, existing: there, rules: { ...RULES, ...rules } });
}
const changes = ({ policies }: RevisionPlan): Record<string, string> =>
  Object.fromEntries(policies.map(({ name, change }) => [name, change]));

test('a renamed policy is added before the old one is removed, so that there is no gap', () => {
  const { policies } = plan([judged('b'), judged('z')], [existing('a'), existing('b')]);
  expect(policies.map(({ name, change }) => `${change} ${name}`)).toEqual(['unchanged b', 'added z', 'removed a']);
});

test('without pruning, what is gone from the commit is left and nobody complains', () => {
  const planned = plan([judged('a')], [existing('a'), existing('b')], { prune: false });
  expect(changes(planned)).toEqual({ a: 'unchanged', b: 'left' });
  expect(planned.problems).toEqual([]);
});

test('exactly the limit may be removed, one more may not', () => {
  const there = ['a', 'b', 'c', 'd'].map((name) => existing(name));
  expect(changes(plan([judged('a'), judged('b')], there))).toMatchObject({ c: 'removed', d: 'removed' });
  const over = plan([judged('a')], there);
  expect(changes(over)).toMatchObject({ b: 'left', c: 'left', d: 'left' });
  expect(over.problems).toMatchObject([{ code: 'prune-blocked', severity: 'error' }]);
});

test('a description says what was done and what was not', () => {
  const { policies } = plan(
    [judged('a', { mark: 'other' }), judged('b', { accepted: false }), judged('c', { accepted: false })],
    [existing('a'), existing('b')],
  );
  expect(describeRevision(policies)).toBe('1 changed; 1 kept at the last good version, 1 refused');
  expect(describeRevision([])).toBe('no changes');
});

const NAMES = ['a', 'b', 'c', 'd', 'e'] as const;
const judgedAny = fc
  .uniqueArray(fc.constantFrom(...NAMES))
  .chain((names) => fc.tuple(...names.map((name) => fc.boolean().map((accepted) => judged(name, { accepted })))));
const existingAny = fc.uniqueArray(fc.constantFrom(...NAMES)).chain((names) =>
  fc.tuple(
    ...names.map((name) =>
      fc
        .record({
          owner: fc.constantFrom('ours' as const, 'nobody' as const, 'another source' as const),
          fingerprint: fc.constantFrom('new', 'old'),
          drifted: fc.boolean(),
        })
        .map((over) => existing(name, over)),
    ),
  ),
);
const rulesAny = fc.record({
  prune: fc.boolean(),
  pruneLimit: fc.integer({ min: 0, max: 100 }),
  pruneConfirmed: fc.boolean(),
  allowEmpty: fc.boolean(),
  force: fc.boolean(),
  drift: fc.constantFrom('Correct' as const, 'Report' as const),
});

test('whatever there is, only what is ours is ever removed, a bad policy changes nothing, and another source’s is never touched', () => {
  fc.assert(
    fc.property(judgedAny, existingAny, rulesAny, (all, there, rules) => {
      const { policies } = plan(all, there, rules);
      const owners = new Map(there.map(({ name, owner }) => [name, owner]));
      for (const { name, change } of policies) {
        const bad = all.some((one) => one.ref?.name === name && !one.accepted);
        if (change === 'removed')
          expect([owners.get(name), bad, all.some((one) => one.ref?.name === name)]).toEqual(['ours', false, false]);
        if (bad) expect(['kept', 'refused']).toContain(change);
        if (owners.get(name) === 'another source') expect(change).toBe('refused');
        if (owners.get(name) === 'nobody' && !rules.force) expect(change).toBe('refused');
      }
      const ours = there.filter(({ owner }) => owner === 'ours').length;
      const removed = policies.filter(({ change }) => change === 'removed').length;
      if (!rules.pruneConfirmed && all.length > 0) expect(removed * 100).toBeLessThanOrEqual(ours * rules.pruneLimit);
      if (!rules.prune || (all.length === 0 && !rules.allowEmpty)) expect(removed).toBe(0);
    }),
    { numRuns: 2000 },
  );
});

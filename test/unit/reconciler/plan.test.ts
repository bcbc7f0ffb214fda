import { expect, test } from '@jest/globals';
import { describePlan, plan } from '../../../reconciler/src/plan.ts';
import { entry, hash, inventory } from './builders.ts';

const before = inventory(hash('a'), [entry('kept'), entry('turned', { fingerprint: 'old' }), entry('gone')]);

test('policies are told apart as added, changed and removed, by name and by what they say', () => {
  const made = plan({ entries: [entry('turned'), entry('new'), entry('kept')], inventory: before, allowEmpty: false });
  expect(made.problems).toEqual([]);
  expect(made.changes.map(({ name, change }) => `${name} ${change}`)).toEqual(['gone removed', 'new added', 'turned changed']);
  expect(made.entries.map(({ name }) => name)).toEqual(['turned', 'new', 'kept']);
});

test('the same name in another namespace or of another kind is another policy', () => {
  const entries = [entry('web', { namespace: 'other' }), entry('web', { kind: 'KubeArmorHostPolicy', namespace: '' })];
  const { changes } = plan({ entries, inventory: inventory(hash('a'), [entry('web')]), allowEmpty: false });
  expect(changes.map(({ kind, namespace, change }) => `${kind} ${namespace} ${change}`).sort()).toEqual([
    'KubeArmorHostPolicy  added',
    'KubeArmorPolicy other added',
    'KubeArmorPolicy shop removed',
  ]);
});

test.each([
  ['nothing was applied', { applied: undefined, allowEmpty: false }, []],
  ['policies are applied', { applied: before, allowEmpty: false }, ['empty-result']],
  ['policies are applied and it is wished for', { applied: before, allowEmpty: true }, []],
  ['nothing is applied any more', { applied: inventory(hash('a'), []), allowEmpty: false }, []],
])('a commit without policies, when %s', (_name, { applied, allowEmpty }, codes) => {
  const made = plan({ entries: [], inventory: applied, allowEmpty });
  expect(made.problems.map(({ code }) => code)).toEqual(codes);
});

test.each([
  [[entry('a')], undefined, '1 policy, 1 rule: 1 added'],
  [[entry('kept', { rules: 4 }), entry('turned'), entry('x'), entry('y')], before, '4 policies, 7 rules: 1 changed, 2 added, 1 removed'],
  [before.policies, before, '3 policies, 3 rules: no changes'],
  [[], undefined, '0 policies, 0 rules: no changes'],
])('a plan is described by its numbers (%#)', (entries, applied, text) => {
  expect(describePlan(plan({ entries, inventory: applied, allowEmpty: true }))).toBe(text);
});

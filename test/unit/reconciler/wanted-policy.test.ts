import { expect, test } from '@jest/globals';
import type { Change, PlannedPolicy } from '../../../reconciler/src/delivery.ts';
import { wantedPolicies, withRefused } from '../../../reconciler/src/wanted-policy.ts';
import { entry, problem } from './builders.ts';

const policy = (name: string, change: Change, isDesired: boolean): PlannedPolicy => {
  const { kind, namespace, fingerprint } = entry(name);
  const desired = { kind, namespace, name, fingerprint, manifest: {}, rules: 1 };
  const problems = isDesired ? [] : [problem('bad action', { place: { file: 'main.ts', line: 3 } })];
  return { kind, namespace, name, change, problems, ...(isDesired ? { desired } : {}) };
};

test('a commit wants every policy that it has, those that are refused for it with the reason', () => {
  const policies = [
    policy('new', 'added', true),
    policy('same', 'unchanged', true),
    policy('old', 'kept', false),
    policy('bad', 'refused', false),
    policy('gone', 'removed', false),
    policy('stays', 'left', false),
  ];
  expect(wantedPolicies({ policies }).map(({ name, fingerprint, refused }) => [name, fingerprint, refused])).toEqual([
    ['new', 'says new', undefined],
    ['same', 'says same', undefined],
    ['old', undefined, 'bad action'],
    ['bad', undefined, 'bad action'],
  ]);
});

test('a commit with a policy that is refused is not in force, however many nodes hold the others', () => {
  const policies = { total: 2, enforced: 2, degraded: 0, refused: 0, pending: 0 };
  const fold = { policies, enforced: { state: 'success', description: '3 of 3 nodes' } } as const;
  expect(withRefused(fold, [])).toEqual(fold);
  expect(withRefused(fold, [{ ...entry('bad'), refused: 'bad action' }])).toEqual({
    policies: { ...policies, total: 3, refused: 1 },
    enforced: { state: 'failure', description: 'bad: refused: bad action' },
  });
});

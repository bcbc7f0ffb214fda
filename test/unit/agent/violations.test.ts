import { expect, test } from '@jest/globals';
import type { Policy } from '@parapet/policy';
import { explain } from '../../../agent/src/explain.ts';
import type { Explained } from '../../../agent/src/explain.ts';
import { MAX_VIOLATIONS, Violations } from '../../../agent/src/violations.ts';
import { containerOf, execRecord, manifest, policyOf, tableOf } from '../../support/agent-fakes.ts';

const at = (commit: string): Policy =>
  policyOf(manifest('no-shell', { metadata: { annotations: { 'parapet.dev/commit': commit.repeat(40) } } }));

interface Over {
  readonly time?: number;
  readonly firstTime?: number;
  readonly count?: number;
  readonly path?: string;
  readonly labels?: Record<string, string>;
}

function violation(policy: Policy, { labels, ...over }: Over = {}): Explained {
  const table = tableOf(policy);
  const record = execRecord({ table, path: over.path ?? '/bin/sh', container: 1, generation: 1 });
  const explained = explain(
    { ...record, firstTime: over.time ?? record.time, ...over },
    { container: containerOf(1, { labels }), table, nodeBase: 0 },
  );
  if (explained === undefined) throw new Error('no violation');
  return explained;
}

test('violations of one rule are counted, with the first, the last and the last resource', () => {
  const policy = at('a');
  const violations = new Violations();
  violations.setPolicies([policy]);
  expect(violations.add(violation(policy, { time: 2000 }))).toBe(true);
  violations.add(violation(policy, { time: 3000, path: '/bin/other' }));
  violations.add(violation(policy, { time: 1000, path: '/bin/last' }));
  expect(violations.list()).toEqual([
    expect.objectContaining({
      kind: 'KubeArmorPolicy',
      namespace: 'shop',
      name: 'no-shell',
      rule: 'spec.process.matchPaths[0]',
      action: 'Block',
      operation: 'Process',
      resource: '/bin/last',
      count: 3,
      firstSeen: '1970-01-01T00:00:01.000Z',
      lastSeen: '1970-01-01T00:00:03.000Z',
      commit: 'a'.repeat(40),
    }),
  ]);
});

test('a record of many counts as many, from the first of them to the last', () => {
  const policy = at('a');
  const violations = new Violations();
  violations.setPolicies([policy]);
  violations.add(violation(policy, { time: 2000 }));
  violations.add(violation(policy, { firstTime: 1000, time: 5000, count: 1_000_000 }));
  violations.add(violation(policy, { firstTime: 3000, time: 4000, count: 9 }));
  expect(violations.list()).toMatchObject([
    { count: 1_000_010, firstSeen: '1970-01-01T00:00:01.000Z', lastSeen: '1970-01-01T00:00:05.000Z' },
  ]);
});

test('violations of a policy are forgotten when its commit changes, and those that come late for the old commit are not counted', () => {
  const [before, after] = [at('a'), at('b')];
  const violations = new Violations();
  violations.setPolicies([before]);
  violations.add(violation(before));
  violations.setPolicies([before]);
  expect(violations.list()).toHaveLength(1);
  violations.setPolicies([after]);
  expect(violations.list()).toEqual([]);
  expect(violations.add(violation(before))).toBe(false);
  expect(violations.add(violation(after))).toBe(true);
});

test('violations of a policy that is removed are forgotten', () => {
  const violations = new Violations();
  violations.setPolicies([at('a')]);
  violations.add(violation(at('a')));
  violations.setPolicies([]);
  expect(violations.list()).toEqual([]);
});

test('the list has an end, and what finds no room is counted', () => {
  const policies = Array.from({ length: MAX_VIOLATIONS + 1 }, (_, index) => policyOf(manifest(`p${index}`)));
  const violations = new Violations();
  violations.setPolicies(policies);
  for (const policy of policies) violations.add(violation(policy));
  expect(violations.list()).toHaveLength(MAX_VIOLATIONS);
  expect(violations.overflow).toBe(1);
});

test('what ran it is told where that is known, and each counts for itself', () => {
  const policy = at('a');
  const violations = new Violations();
  violations.setPolicies([policy]);
  for (const pod of ['web-1', 'web-2', 'web-1']) violations.add(violation(policy, { labels: { 'io.kubernetes.pod.name': pod } }));
  violations.add(violation(policy));
  expect(violations.list().map(({ workload, count }) => [workload, count])).toEqual([
    [undefined, 1],
    ['shop/Pod/web-1', 2],
    ['shop/Pod/web-2', 1],
  ]);
});

/** What-if against the evaluator, over generated policies and accesses. */
import { expect, test } from '@jest/globals';
import { evaluate, WhatIf } from '@parapet/policy';
import type { Access, Policy, Postures, WhatIfOutcome } from '@parapet/policy';
import fc from 'fast-check';
import { accessTo, policies, postures } from '../../support/policy-cases.ts';
import { recordOf } from './telemetry-records.ts';

const LEVELS = { none: 0, allow: 0, audit: 1, block: 2 } as const;

function becomes(access: Access, sets: readonly (readonly Policy[])[], all: Postures): WhatIfOutcome {
  const [was = 0, is = 0] = sets.map((set) => LEVELS[evaluate({ policies: set, postures: all, access }).verdict]);
  if (is === was) return 'unchanged';
  if (is > was) return is === 2 ? 'would-block' : 'would-audit';
  return was === 2 ? 'no-longer-blocked' : 'no-longer-audited';
}

const cases = fc
  .tuple(policies, policies, postures)
  .chain(([before, after, all]) => accessTo([...before, ...after]).map((access) => ({ before, after, postures: all, access })));

test('what would become of an access is what the evaluator says of it, or is undecidable for something that the record does not say', () => {
  const seen = new Map<string, number>();
  fc.assert(
    fc.property(cases, ({ before, after, postures: all, access }) => {
      const whatIf = new WhatIf({ before: { policies: before, postures: all }, after: { policies: after, postures: all } });
      const judgement = whatIf.add(recordOf(access));
      if ('fault' in judgement) throw new Error(judgement.fault);
      const { outcome, why } = judgement;
      seen.set(outcome, (seen.get(outcome) ?? 0) + 1);
      if (outcome === 'undecidable') expect(why).toMatch(/^the record does not say |^the path /);
      else expect(outcome).toBe(becomes(access, [before, after], all));
      // All that such a record leaves open; what it tells is never undecidable.
      if (access.type === 'dns' || access.type === 'capability' || access.type === 'switch') expect(outcome).not.toBe('undecidable');
    }),
    { numRuns: 1500 },
  );
  for (const outcome of ['would-block', 'would-audit', 'no-longer-blocked', 'no-longer-audited', 'undecidable', 'unchanged']) {
    expect(seen.get(outcome)).toBeGreaterThan(5);
  }
  expect(seen.get('undecidable')).toBeLessThan(500);
});

test('with the same policies before and after nothing changes and nothing is undecidable', () => {
  fc.assert(
    fc.property(cases, ({ before, postures: all, access }) => {
      const renamed = before.map((policy) => ({ ...policy, rules: policy.rules.map((rule) => ({ ...rule, field: 'x', severity: 10 })) }));
      const set = (list: readonly Policy[]): { policies: readonly Policy[]; postures: Postures } => ({ policies: list, postures: all });
      for (const missing of [{}, { labels: '' }, { namespaceName: '' }, { data: '' }, { processName: '', source: '' }]) {
        const judgement = new WhatIf({ before: set(before), after: set(renamed) }).add({ ...recordOf(access), ...missing });
        expect(judgement).toMatchObject({ outcome: 'unchanged' });
      }
    }),
    { numRuns: 200 },
  );
});

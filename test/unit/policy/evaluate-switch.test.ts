import { expect, test } from '@jest/globals';
import { DEFAULT_POSTURES, evaluate } from '@parapet/policy';
import type { Decision, Policy, SwitchName } from '@parapet/policy';
import { pathRule, policyOf, switchRule } from './builders.ts';

function decide(which: SwitchName, policies: readonly Policy[]): Decision {
  return evaluate({ policies, postures: DEFAULT_POSTURES, access: { type: 'switch', switch: which, source: '/bin/sh' } });
}

test('of what several policies say about a switch the strongest counts, and the first that says it is named', () => {
  const allow = switchRule('bpf', { action: 'Allow' });
  const [audit, block, again] = [switchRule('bpf', { action: 'Audit' }), switchRule('bpf'), switchRule('bpf')];
  expect(decide('bpf', [policyOf(allow), policyOf(audit)])).toMatchObject({ verdict: 'audit', rule: audit });
  expect(decide('bpf', [policyOf(audit, allow), policyOf(block), policyOf(again)])).toMatchObject({ verdict: 'block', rule: block });
  expect(decide('bpf', [policyOf(allow)])).toMatchObject({ verdict: 'allow' });
});

test('a switch that nobody sets says nothing', () => {
  expect(decide('ptrace', [policyOf(switchRule('bpf'), pathRule('/bin/sh'))])).toEqual({ verdict: 'none' });
  expect(decide('filelessExec', [])).toEqual({ verdict: 'none' });
});

test('where nobody speaks of a switch its default decides, and no rule is named', () => {
  expect(decide('mounts', [policyOf(pathRule('/bin/sh'))])).toEqual({ verdict: 'block', posture: true });
});

import { expect, test } from '@jest/globals';
import { DEFAULT_POSTURES, evaluate } from '@parapet/policy';
import type { Decision, Policy, Rule, SwitchName } from '@parapet/policy';
import { fileRule, networkRule, pathRule, policyOf, switchRule } from './builders.ts';

function decide(which: SwitchName, policies: readonly Policy[], file: 'audit' | 'block' = 'audit'): Decision {
  return evaluate({ policies, postures: { ...DEFAULT_POSTURES, file }, access: { type: 'switch', switch: which, source: '/bin/sh' } });
}

function mounts(...rules: readonly Rule[]): string {
  const decision = decide('mounts', [policyOf(...rules)]);
  return 'posture' in decision ? `default:${decision.verdict}` : decision.verdict;
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

test('where nobody speaks of mounts they are refused as strongly as the rules that name files refuse', () => {
  expect(mounts(fileRule('/a'))).toBe('default:block');
  expect(mounts(pathRule('/a', { action: 'Audit' }))).toBe('default:audit');
  expect(mounts(pathRule('/a', { action: 'Audit' }), fileRule('/b'))).toBe('default:block');
  expect(mounts(fileRule('/a', { action: 'Audit', readOnly: true }))).toBe('default:audit');
  expect(mounts(networkRule('udp'), switchRule('bpf'))).toBe('none');
});

test('an Allow rule about files counts as what it refuses: others than the owner, writing, or what the posture refuses', () => {
  expect(mounts(pathRule('/a', { action: 'Allow' }))).toBe('default:audit');
  expect(mounts(pathRule('/a', { action: 'Allow', ownerOnly: true }))).toBe('default:block');
  expect(mounts(fileRule('/a', { action: 'Allow', readOnly: true }))).toBe('default:block');
  expect(decide('mounts', [policyOf(pathRule('/a', { action: 'Allow' }))], 'block')).toEqual({ verdict: 'block', posture: true });
});

test('who speaks of mounts is heard', () => {
  expect(mounts(fileRule('/a'), switchRule('mounts', { action: 'Allow' }))).toBe('allow');
  expect(mounts(fileRule('/a'), switchRule('mounts', { action: 'Audit' }))).toBe('audit');
  expect(mounts(switchRule('mounts'))).toBe('block');
});

test('the node itself mounts as it likes', () => {
  const host: Policy = { ...policyOf(fileRule('/a')), kind: 'KubeArmorHostPolicy' };
  expect(decide('mounts', [host])).toEqual({ verdict: 'none' });
});

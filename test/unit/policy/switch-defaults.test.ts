import { expect, test } from '@jest/globals';
import { DEFAULT_POSTURES, evaluate } from '@parapet/policy';
import type { Decision, Policy, Rule, SwitchName } from '@parapet/policy';
import { audited } from '../../../policy/src/audited.ts';
import { capabilityRule, dnsRule, endpointRule, fileRule, networkRule, pathRule, policyOf, switchRule, syscallRule } from './builders.ts';

function decide(which: SwitchName, policies: readonly Policy[], file: 'audit' | 'block' = 'audit'): Decision {
  return evaluate({ policies, postures: { ...DEFAULT_POSTURES, file }, access: { type: 'switch', switch: which, source: '/bin/sh' } });
}

function said(which: SwitchName, rules: readonly Rule[]): string {
  const decision = decide(which, [policyOf(...rules)]);
  return 'posture' in decision ? `default:${decision.verdict}` : decision.verdict;
}

const mounts = (...rules: readonly Rule[]): string => said('mounts', rules);
const tracing = (...rules: readonly Rule[]): string => said('ptrace', rules);
const ONE = { from: ['/bin/one'] };
const TO_ONE = { ...ONE, action: 'Allow' } as const;

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
  expect(mounts(pathRule('/a', { action: 'Allow', noTerminal: true }))).toBe('default:block');
  expect(mounts(pathRule('/a', { action: 'Allow', allowedArgs: ['-l'] }))).toBe('default:block');
  expect(decide('mounts', [policyOf(pathRule('/a', { action: 'Allow' }))], 'block')).toEqual({ verdict: 'block', posture: true });
});

test('in a container that is only audited no default blocks', () => {
  const policies = audited([
    policyOf(fileRule('/a'), fileRule('/b', { ...TO_ONE, readOnly: true }), fileRule('/c', { action: 'Allow', readOnly: true })),
  ]);
  expect(decide('mounts', policies)).toEqual({ verdict: 'audit', posture: true });
  expect(decide('ptrace', policies)).toEqual({ verdict: 'audit', posture: true });
});

test.each<[string, Rule, Rule]>([
  ['file', fileRule('/a'), fileRule('/a', TO_ONE)],
  ['process', pathRule('/a'), pathRule('/a', TO_ONE)],
  ['network', networkRule('all'), networkRule('tcp', TO_ONE)],
  ['endpoint', networkRule('all'), endpointRule('10.0.0.0/8', {}, TO_ONE)],
  ['name', dnsRule('example'), dnsRule('a.example', TO_ONE)],
  ['capability', capabilityRule('chown'), capabilityRule('chown', TO_ONE)],
])('where a source may what others may not, tracing is refused as strictly as they are: %s rules', (_, toAny, toOne) => {
  expect(tracing(toAny, toOne)).toBe('default:block');
  expect(tracing({ ...toAny, action: 'Audit' }, toOne)).toBe('default:audit');
  expect(tracing(toOne)).toBe('default:audit'); // the posture
  expect(tracing(toAny, { ...toOne, from: [] })).toBe('none');
});

test('the posture of the rule’s own class counts', () => {
  const strict = { file: 'audit', network: 'block', capabilities: 'audit' } as const;
  const ask = (rule: Rule): string =>
    evaluate({ policies: [policyOf(rule)], postures: strict, access: { type: 'switch', switch: 'ptrace', source: '/bin/sh' } }).verdict;
  expect(ask(dnsRule('example', TO_ONE))).toBe('block');
  expect(ask(fileRule('/a', TO_ONE))).toBe('audit');
});

test('a source may more by what its rule lets pass, whatever the action: reading, owners, tasks without a terminal, being audited', () => {
  expect(tracing(fileRule('/a'), fileRule('/a', { ...ONE, readOnly: true }))).toBe('default:block');
  expect(tracing(fileRule('/a'), fileRule('/a', { ...ONE, ownerOnly: true }))).toBe('default:block');
  expect(tracing(networkRule('tcp'), networkRule('tcp', { ...ONE, noTerminal: true }))).toBe('default:block');
  expect(tracing(pathRule('/a'), pathRule('/a', { ...ONE, allowedArgs: [] }))).toBe('default:block');
  expect(tracing(fileRule('/a'), fileRule('/a', { ...ONE, action: 'Audit' }))).toBe('default:block');
  expect(tracing(syscallRule(['mount'], { action: 'Block' }), syscallRule(['mount'], ONE))).toBe('default:block');
});

test('a source that may no more than others makes no difference to tracing', () => {
  expect(tracing(fileRule('/a', ONE))).toBe('none');
  expect(tracing(fileRule('/a', ONE), fileRule('/b'))).toBe('none');
  expect(tracing(fileRule('/a', { ...ONE, readOnly: true }))).toBe('none');
  expect(tracing(fileRule('/a', { ...ONE, action: 'Audit' }), fileRule('/b', { action: 'Audit' }))).toBe('none');
  expect(tracing(fileRule('/a', { ...ONE, action: 'Audit' }), networkRule('tcp'))).toBe('none');
});

test('who speaks of tracing is heard', () => {
  expect(tracing(fileRule('/a', TO_ONE), fileRule('/a'), switchRule('ptrace', { action: 'Allow' }))).toBe('allow');
  expect(tracing(fileRule('/a', TO_ONE), fileRule('/a'), switchRule('ptrace', { action: 'Audit' }))).toBe('audit');
});

test('who speaks of mounts is heard', () => {
  expect(mounts(fileRule('/a'), switchRule('mounts', { action: 'Allow' }))).toBe('allow');
  expect(mounts(fileRule('/a'), switchRule('mounts', { action: 'Audit' }))).toBe('audit');
  expect(mounts(switchRule('mounts'))).toBe('block');
});

test('the node itself mounts and traces as it likes', () => {
  const host: Policy = { ...policyOf(fileRule('/a'), fileRule('/a', { action: 'Allow', from: ['/x'] })), kind: 'KubeArmorHostPolicy' };
  expect(decide('mounts', [host])).toEqual({ verdict: 'none' });
  expect(decide('ptrace', [host])).toEqual({ verdict: 'none' });
});

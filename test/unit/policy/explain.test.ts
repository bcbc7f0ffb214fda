import { expect, test } from '@jest/globals';
import { compile, decodeEvent, DEFAULT_POSTURES, explainEvent, LAYOUT, SWITCH } from '@parapet/policy';
import type { DecodedEvent, Decision, Policy } from '@parapet/policy';
import { networkRule, pathRule, policyOf, switchRule } from './builders.ts';

function explain(policy: Policy, event: Partial<DecodedEvent>): Decision {
  const { table } = compile([policy], DEFAULT_POSTURES);
  if (table === undefined) throw new Error('no table');
  return explainEvent({ table, nodeBase: 100, event: { ...decodeEvent(new Uint8Array(LAYOUT.event.size)), verdict: 'block', ...event } });
}

const shell = pathRule('/sh');

test('the rule of a path is found by the node, relative to the table’s base', () => {
  const event = { section: 'process', operation: 'exec', site: 'exact' } as const;
  expect(explain(policyOf(shell), { ...event, node: 102 })).toMatchObject({ verdict: 'block', rule: shell });
  expect(explain(policyOf(shell), { ...event, node: 2 })).toEqual({ verdict: 'none' });
});

test('the default posture is named as such', () => {
  expect(explain(policyOf(shell), { site: 'default' })).toEqual({ verdict: 'block', posture: true });
  expect(explain(policyOf(shell), { site: 'default', verdict: 'audit' })).toEqual({ verdict: 'audit', posture: true });
});

test('nothing is named for an access that could not be judged', () => {
  expect(explain(policyOf(shell), { site: 'unjudged', reason: 'tooDeep' })).toEqual({ verdict: 'none' });
});

test('of several rules for one socket the first is named, by whichever name it has it', () => {
  const rules = [networkRule('udp'), networkRule('stream', { action: 'Audit' }), networkRule('all'), networkRule('tcp')];
  const event = { section: 'network', site: 'flat', detail: [2, 1, 6] } as const;
  expect(explain(policyOf(...rules), event)).toMatchObject({ verdict: 'block', rule: rules[2] });
  expect(explain(policyOf(...rules), { ...event, verdict: 'audit' })).toMatchObject({ verdict: 'audit', rule: rules[1] });
  expect(explain(policyOf(...rules), { ...event, source: 1 })).toEqual({ verdict: 'none' });
});

test('a switch is found by its number; without a rule it was the default that refused', () => {
  const rule = switchRule('bpf');
  const event = { section: 'hardening', site: 'switch' } as const;
  expect(explain(policyOf(rule), { ...event, detail: [SWITCH.bpf, 0, 0] })).toMatchObject({ verdict: 'block', rule });
  expect(explain(policyOf(shell), { ...event, detail: [SWITCH.mounts, 0, 0] })).toEqual({ verdict: 'block', posture: true });
  expect(explain(policyOf(rule), { ...event, detail: [31, 0, 0] })).toEqual({ verdict: 'none' });
});

import { expect, test } from '@jest/globals';
import { compile, DEFAULT_POSTURES, SWITCH } from '@parapet/policy';
import type { Rule, Table } from '@parapet/policy';
import { networkRule, pathRule, policyOf, switchRule } from './builders.ts';

function tableOf(...rules: readonly Rule[]): Table {
  const { table } = compile([policyOf(...rules)], DEFAULT_POSTURES);
  if (table === undefined) throw new Error('no table');
  return table;
}

test('each switch has two bits, for the strongest that is said of it', () => {
  const { switches } = tableOf(
    switchRule('ptrace', { action: 'Audit' }),
    switchRule('ptrace'),
    switchRule('ioUring', { action: 'Allow' }),
    switchRule('protectProc', { action: 'Audit' }),
  );
  expect(switches).toBe(3n | (1n << BigInt(SWITCH.ioUring * 2)) | (2n << BigInt(SWITCH.protectProc * 2)));
});

test('rules about files turn the switch for mounts, other rules do not', () => {
  expect(tableOf(pathRule('/a')).switches).toBe(3n << BigInt(SWITCH.mounts * 2));
  expect(tableOf(networkRule('udp')).switches).toBe(0n);
});

test('a rule that allows something to a source only turns the switch for tracing', () => {
  expect(tableOf(networkRule('udp'), networkRule('udp', { action: 'Allow', from: ['/a'] })).switches).toBe(3n << BigInt(SWITCH.ptrace * 2));
  expect(tableOf(networkRule('udp', { from: ['/a'] })).switches).toBe(0n);
});

test('what each level of a switch comes from is the first rule that says it', () => {
  const [audit, block] = [switchRule('bpf', { action: 'Audit' }), switchRule('bpf')];
  const { sites } = tableOf(audit, block, switchRule('bpf'));
  expect(sites.get('switch/bpf/block')?.rule).toBe(block);
  expect(sites.get('switch/bpf/audit')?.rule).toBe(audit);
  expect(tableOf(pathRule('/a')).sites.has('switch/mounts/block')).toBe(false);
});

import { expect, test } from '@jest/globals';
import { compile, DEFAULT_POSTURES, evaluate } from '@parapet/policy';
import type { Decision, Policy } from '@parapet/policy';
import { policyOf, syscallRule } from './builders.ts';

const any = syscallRule(['mount', 'kill']);
const shell = syscallRule(['kill', 'ptrace'], { from: ['/bin/sh'] });
const policy = policyOf(any, shell);

function decide(syscall: string, source: string, of: Policy = policy): Decision {
  return evaluate({ policies: [of], postures: DEFAULT_POSTURES, access: { type: 'syscall', syscall, source } });
}

test('the calls of each source are a set, and each names the first rule that wants it', () => {
  const { table } = compile([policy, policyOf(syscallRule(['mount']))], DEFAULT_POSTURES);
  expect(table?.syscalls).toEqual(
    new Map([
      [0, { audit: new Set(['mount', 'kill']), block: new Set() }],
      [1, { audit: new Set(['kill', 'ptrace']), block: new Set() }],
    ]),
  );
  expect(table?.sites.get('syscall/0/mount/audit')?.rule).toBe(any);
  expect(table?.sites.get('syscall/1/ptrace/audit')?.rule).toBe(shell);
});

test('a call is audited by the rule for its program, else by the rule for any', () => {
  expect(decide('kill', '/bin/sh')).toMatchObject({ verdict: 'audit', rule: shell });
  expect(decide('kill', '/bin/other')).toMatchObject({ verdict: 'audit', rule: any });
  expect(decide('mount', '/bin/sh')).toMatchObject({ verdict: 'audit', rule: any });
  expect(decide('ptrace', '/bin/other')).toEqual({ verdict: 'none' });
  expect(decide('read', '/bin/sh')).toEqual({ verdict: 'none' });
});

test('Block beats Audit, but a rule for the program comes before one for any', () => {
  const block = syscallRule(['mount'], { action: 'Block' });
  const spared = syscallRule(['mount'], { from: ['/bin/sh'] });
  expect(decide('mount', '/bin/other', policyOf(any, block, spared))).toMatchObject({ verdict: 'block', rule: block });
  expect(decide('mount', '/bin/sh', policyOf(any, block, spared))).toMatchObject({ verdict: 'audit', rule: spared });
});

import { expect, test } from '@jest/globals';
import { BLOCKABLE_SYSCALLS, SYSCALLS } from '@parapet/policy';
import { errorsOf, parsed } from './manifests.ts';

function withSyscalls(...matchSyscalls: readonly unknown[]): { readonly spec: unknown } {
  return { spec: { severity: 3, syscalls: { tags: ['t'], matchSyscalls } } };
}

test('a rule audits its calls, whatever the policy’s action, with the section’s severity and tags', () => {
  const [rule] = parsed({
    spec: { action: 'Block', severity: 3, syscalls: { tags: ['t'], matchSyscalls: [{ syscall: ['unlink', 'mount', 'unlink'] }] } },
  }).rules;
  expect(rule).toEqual({
    section: 'syscalls',
    field: 'spec.syscalls.matchSyscalls[0]',
    action: 'Audit',
    severity: 3,
    tags: ['t'],
    message: '',
    from: [],
    syscalls: ['unlink', 'mount'],
  });
});

test('every call of KubeArmor’s enumeration, read to rseq, is known', () => {
  const enumeration = SYSCALLS.slice(0, SYSCALLS.indexOf('rseq') + 1);
  expect(enumeration).toHaveLength(335);
  expect(parsed(withSyscalls({ syscall: enumeration })).rules).toHaveLength(1);
});

test('sources are executables by path', () => {
  expect(parsed(withSyscalls({ syscall: ['kill'], fromSource: [{ path: '/bin/sh' }] })).rules).toMatchObject([{ from: ['/bin/sh'] }]);
});

test('whatever is wrong is told at once', () => {
  const problems = errorsOf(
    withSyscalls(
      { syscall: ['unlnik', 'no-such-call-at-all'] },
      { syscalls: ['kill'] },
      { syscall: [] },
      { syscall: ['kill', 'ptrace'], action: 'Block' },
      5,
    ),
  );
  expect(problems.map(({ code, place, hint }) => [place.field, code, hint])).toEqual([
    ['spec.syscalls.matchSyscalls[0].syscall[0]', 'invalid-value', 'did you mean unlink?'],
    ['spec.syscalls.matchSyscalls[0].syscall[1]', 'invalid-value', 'names are those of x86-64, as in man 2 syscalls'],
    ['spec.syscalls.matchSyscalls[1].syscalls', 'unknown-field', 'did you mean syscall?'],
    ['spec.syscalls.matchSyscalls[1].syscall', 'missing-field', 'name at least one system call'],
    ['spec.syscalls.matchSyscalls[2].syscall', 'missing-field', 'name at least one system call'],
    ['spec.syscalls.matchSyscalls[3].syscall[0]', 'syscall-not-blockable', expect.stringContaining('mount, umount2')],
    ['spec.syscalls.matchSyscalls[4]', 'wrong-type', undefined],
  ]);
});

test('the section has no action', () => {
  const spec = { syscalls: { action: 'Block', matchSyscalls: [{ syscall: ['kill'] }] } };
  expect(errorsOf({ spec })).toMatchObject([{ code: 'unknown-field', place: { field: 'spec.syscalls.action' } }]);
});

test('a rule may block what a hook of the kernel holds; it allows nothing', () => {
  expect(parsed(withSyscalls({ syscall: [...BLOCKABLE_SYSCALLS], action: 'Block' })).rules).toMatchObject([{ action: 'Block' }]);
  expect(errorsOf(withSyscalls({ syscall: ['mount'], action: 'Allow' }))).toMatchObject([
    { code: 'invalid-value', place: { field: 'spec.syscalls.matchSyscalls[0].action' } },
  ]);
});

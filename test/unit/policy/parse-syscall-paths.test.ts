import { expect, test } from '@jest/globals';
import { PATH_SYSCALLS } from '@parapet/policy';
import { errorsOf, parsed } from './manifests.ts';

function withPaths(...matchPaths: readonly unknown[]): { readonly spec: unknown } {
  return { spec: { severity: 3, syscalls: { tags: ['t'], matchPaths } } };
}

test('a rule audits its calls on a path, whatever the policy’s action, with the section’s severity and tags', () => {
  const rules = parsed({
    spec: {
      action: 'Block',
      severity: 3,
      syscalls: { tags: ['t'], matchPaths: [{ path: '/etc/passwd', syscall: ['unlink', 'open', 'unlink'] }] },
    },
  }).rules;
  expect(rules).toEqual([
    {
      section: 'syscalls',
      field: 'spec.syscalls.matchPaths[0]',
      action: 'Audit',
      severity: 3,
      tags: ['t'],
      message: '',
      from: [],
      syscalls: ['unlink', 'open'],
      on: { type: 'path', path: '/etc/passwd' },
    },
  ]);
});

test('a path that ends in / is a directory, with recursive also below; sources are programs and directories', () => {
  const fromSource = [{ path: '/bin/sh' }, { dir: '/opt/', recursive: true }];
  const rules = parsed(
    withPaths({ path: '/etc/', syscall: ['open'] }, { path: '/', recursive: true, syscall: ['open'], fromSource, action: 'Audit' }),
  ).rules;
  expect(rules).toMatchObject([
    { on: { type: 'directory', dir: '/etc/', recursive: false }, from: [] },
    { on: { type: 'directory', dir: '/', recursive: true }, from: ['/bin/sh', { dir: '/opt/', recursive: true }], action: 'Audit' },
  ]);
});

test('every call that a hook tells of can be named', () => {
  expect(parsed(withPaths({ path: '/x', syscall: PATH_SYSCALLS })).rules).toMatchObject([{ syscalls: PATH_SYSCALLS }]);
});

test('whatever is wrong is told at once', () => {
  const problems = errorsOf(
    withPaths(
      { path: '/x', syscall: ['stat', 'unlnik'] },
      { path: 'etc/passwd', syscall: ['unlink'] },
      { path: '/x', syscall: [] },
      { syscall: ['unlink'] },
      { path: '/x', recursive: true, syscall: ['unlink'] },
      { path: '/x', syscall: ['unlink'], action: 'Block' },
      { path: '/x', syscall: ['unlink'], action: 'Allow' },
      { dir: '/x/', syscalls: ['unlink'] },
      'unlink',
    ),
  );
  expect(problems.map(({ code, place, hint }) => [place.field?.replace('spec.syscalls.matchPaths', ''), code, hint])).toEqual([
    ['[0].syscall[0]', 'syscall-without-path', expect.stringMatching(/^name it under matchSyscalls.*open, openat/)],
    ['[0].syscall[1]', 'invalid-value', 'did you mean unlink?'],
    ['[1].path', 'invalid-path', undefined],
    ['[2].syscall', 'missing-field', 'name at least one system call'],
    ['[3].path', 'missing-field', undefined],
    ['[4].recursive', 'invalid-value', 'write the path as "/x/"'],
    ['[5].action', 'invalid-value', expect.stringContaining('process or file rule')],
    ['[6].action', 'invalid-value', expect.stringContaining('process or file rule')],
    ['[7].dir', 'unknown-field', 'did you mean path? That of a directory ends in /'],
    ['[7].syscalls', 'unknown-field', 'did you mean syscall?'],
    ['[7].path', 'missing-field', undefined],
    ['[7].syscall', 'missing-field', 'name at least one system call'],
    ['[8]', 'wrong-type', undefined],
  ]);
});

import { expect, test } from '@jest/globals';
import { HOOKS, hookNumbersTelling, hooksTelling, PATH_SYSCALLS, SYSCALLS } from '@parapet/policy';

test('every call is one of the kernel’s, and is told by hooks that have a bit in a word', () => {
  for (const syscall of PATH_SYSCALLS) {
    expect(SYSCALLS).toContain(syscall);
    const numbers = hookNumbersTelling(syscall);
    expect(numbers.length).toBeGreaterThan(0);
    for (const number of numbers) expect(number).toBeLessThan(16);
    for (const number of numbers) expect(number).toBeGreaterThanOrEqual(0);
  }
});

test('a call is told by the hook that knows its path, and others by none', () => {
  expect(hooksTelling('execve')).toEqual(['bprm_check_security']);
  expect(hookNumbersTelling('execve')).toEqual([HOOKS.indexOf('SECURITY_BPRM_CHECK')]);
  expect(hooksTelling('openat')).toEqual(['file_open']);
  expect(hooksTelling('stat')).toEqual([]);
  expect(hooksTelling('toString')).toEqual([]);
});

import { expect, test } from '@jest/globals';
import { SYSCALL_BITS, syscallNumbers, SYSCALLS, syscallText } from '../../../policy/src/syscall.ts';

test('every number belongs to one name, and fits into the kernel’s maps', () => {
  for (const kind of ['native', 'compat'] as const) {
    const owners = new Map<number, string>();
    for (const name of SYSCALLS) {
      for (const number of new Set(syscallNumbers(name)?.[kind])) {
        expect(owners.get(number)).toBeUndefined();
        expect(number).toBeLessThan(SYSCALL_BITS);
        owners.set(number, name);
      }
    }
  }
});

test('32-bit entries are the same calls by their own numbers, wider and multiplexed ones too', () => {
  expect(syscallNumbers('read')).toEqual({ native: [0], compat: [3] });
  expect(syscallNumbers('stat')).toEqual({ native: [4], compat: [18, 106, 195] });
  expect(syscallNumbers('execve')).toEqual({ native: [59, 520], compat: [11] });
  expect(syscallNumbers('socket')?.compat).toEqual([359, 513]);
  expect(syscallNumbers('semop')?.compat).toEqual([541]);
  expect(syscallNumbers('no_such_call')).toBeUndefined();
});

test('a number is told by its name, one without a name by itself', () => {
  expect(syscallText(59, false)).toBe('execve');
  expect(syscallText(11, true)).toBe('execve');
  expect(syscallText(570, false)).toBe('570');
});

import { expect, test } from '@jest/globals';
import { BLOCKABLE_SYSCALLS, hooksHolding, SYSCALLS } from '@parapet/policy';

test('every call that can be blocked is a call, and some hook holds it', () => {
  for (const name of BLOCKABLE_SYSCALLS) {
    expect(SYSCALLS).toContain(name);
    expect(hooksHolding(name).length).toBeGreaterThan(0);
  }
});

test('no hook holds any other call, whatever its name', () => {
  expect(hooksHolding('unlink')).toEqual([]);
  expect(hooksHolding('constructor')).toEqual([]);
});

import { fstatSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { expect, test } from '@jest/globals';
import { lockKernel } from '../../../agent/src/adapters/kernel/lock.ts';

/** A kernel in which somebody else holds the lock for the first tries. */
function kernel(tries: number) {
  const fds: number[] = [];
  const flock = (fd: number): number => {
    fds.push(fd);
    return fds.length > tries ? 0 : -1;
  };
  return { fds, flock };
}

const isOpen = (fd: number): boolean => {
  try {
    return fstatSync(fd).isDirectory();
  } catch {
    return false;
  }
};

test('the lock is held until it is given back', async () => {
  const { flock, fds } = kernel(0);
  const unlock = await lockKernel({ flock }, tmpdir());
  expect(fds.map(isOpen)).toEqual([true]);
  unlock();
  expect(fds.map(isOpen)).toEqual([false]);
});

test('an agent that is about to be gone is waited for', async () => {
  const { flock, fds } = kernel(2);
  const unlock = await lockKernel({ flock }, tmpdir());
  expect(fds).toHaveLength(3);
  unlock();
});

test('a second agent is refused, and keeps nothing open', async () => {
  const { flock, fds } = kernel(Infinity);
  await expect(lockKernel({ flock }, tmpdir(), 60)).rejects.toThrow(/another agent enforces on this kernel/);
  expect(isOpen(fds[0] ?? -1)).toBe(false);
});

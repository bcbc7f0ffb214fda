/** Names of system calls in a rule. */
import { readList, readNeededString, refuse, refuseMissing, show } from './reading.ts';
import type { Cursor } from './reading.ts';
import { closest } from './suggest.ts';
import { syscallNumbers, SYSCALLS } from './syscall.ts';

/** The names of a list that must have some, each once. `fits` notes what is wrong with one that the rule cannot be about. */
export function readSyscallNames(list: Cursor, fits: (element: Cursor, name: string) => boolean): readonly string[] {
  const elements = readList(list);
  if (elements.length === 0 && (list.value === undefined || Array.isArray(list.value)))
    refuseMissing(list, { hint: 'name at least one system call' });
  const names = new Set<string>();
  for (const element of elements) {
    const name = readNeededString(element);
    if (name === undefined) continue;
    if (syscallNumbers(name) === undefined) refuseName(element, name);
    else if (fits(element, name)) names.add(name);
  }
  return [...names];
}

function refuseName(element: Cursor, name: string): void {
  const meant = closest(name, SYSCALLS);
  const hint = meant === undefined ? 'names are those of x86-64, as in man 2 syscalls' : `did you mean ${meant}?`;
  refuse(element, { code: 'invalid-value', message: `${show(name)} is not a system call`, hint });
}

/** Telling a program what it must not be told. What an argument says is done by the program: the steps after an exec are its arguments. */
import { attempts, HOME, TOLD } from '../attempt.ts';
import type { Attempt } from '../attempt.ts';

const FORBIDDEN = `open openat ${HOME}/secret`;
const ALIAS = `${HOME}/alias`;

const WAYS: Readonly<Record<string, string>> = {
  execve: `exec execve ${TOLD}`,
  execveat: `exec execveat ${TOLD}`,
  'execveat of a descriptor': `exec descriptor ${TOLD}`,
  'its descriptor in /proc/self/fd': `exec proc-fd ${TOLD}`,
  'execve in a thread': `exec thread ${TOLD}`,
  posix_spawn: `exec spawn ${TOLD}`,
  'execve under the name of another program': `exec other-name ${TOLD}`,
  '/proc/self/root': `exec execve /proc/self/root${TOLD}`,
  'its file after it was deleted': `exec deleted ${TOLD}`,
  'int 0x80': `i386-exec execve ${TOLD}`,
  x32: `x32-exec ${TOLD}`,
};

const row = (name: string, ...steps: string[]): [string, ...string[]] => [name, ...steps];

const KILLED: readonly Attempt[] = [
  ...attempts(
    'arguments',
    'arguments',
    Object.entries(WAYS).map(([how, step]) => row(`an argument that is not allowed, by ${how}`, step, FORBIDDEN)),
  ),
  ...attempts('arguments', 'arguments', [
    ['an argument that is not allowed, after one that means nothing', `exec execve ${TOLD}`, '/', FORBIDDEN],
    ['an argument that is not allowed, to a program known by its name', `exec execve ${HOME}/bin/told-name`, FORBIDDEN],
    ['an argument that is not allowed, to a script', `exec execve ${HOME}/told-script`, FORBIDDEN],
    ['an argument that is not allowed, to an interpreter that is a script', `exec execve ${HOME}/script-of-told-script`, FORBIDDEN],
    ['a script for a program that may not be told its name', `exec execve ${HOME}/script-of-told`, FORBIDDEN],
    ['an argument that is too long to be in a list', `exec execve ${TOLD}`, `open openat ${HOME}${'/.'.repeat(130)}/secret`],
    ['more arguments than are judged, each of them allowed', `exec-many ${TOLD} 1100 /`],
    ['more arguments than are judged, the last one not allowed', `exec-many ${TOLD} 1100 /`, FORBIDDEN],
    ['an argument that is not allowed, after a thousand that are', `exec-many ${TOLD} 1000 /`, FORBIDDEN],
    ['an argument that is not allowed, by a child of vfork', 'clone vfork', `exec execve ${TOLD}`, FORBIDDEN],
    ['an argument that is not allowed, in a new mount namespace', 'unshare mount', `exec execve ${TOLD}`, FORBIDDEN],
  ]),
].map((attempt) => ({ ...attempt, refused: 'SIGKILL' }));

/** In these another process is killed, or a name is refused before anything is executed. */
const OTHERWISE: readonly Attempt[] = [
  ...attempts('arguments', 'arguments', [
    ['a hard link to a program that may be told some things only', `link link ${TOLD} ${ALIAS}`, `exec execve ${ALIAS}`, FORBIDDEN],
    ['another name for a program that may be told some things only', `rename rename ${TOLD} ${ALIAS}`, `exec execve ${ALIAS}`, FORBIDDEN],
    ['an argument that another thread changes while it is copied', `race-argument thread ${TOLD}`],
    ['an argument that another process changes in shared memory', `race-argument process ${TOLD}`],
  ]),
];

export const ARGUMENTS: readonly Attempt[] = [
  ...KILLED.map((attempt) => (/posix_spawn|vfork/.test(attempt.name) ? { ...attempt, refused: 'ECHILD' } : attempt)),
  ...OTHERWISE,
];

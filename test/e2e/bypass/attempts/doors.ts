/** The kernel's other doors: 32-bit system calls, x32, io_uring. */
import { attempts, HOME } from '../attempt.ts';
import type { Attempt } from '../attempt.ts';

const SECRET = `${HOME}/secret`;
const FILE = `${HOME}/read-only/file`;
const BLOCKED = `${HOME}/bin/blocked`;

const MODES: Readonly<Record<string, string>> = {
  io_uring: 'plain',
  "io_uring's workers": 'worker',
  "io_uring's polling thread": 'polled',
};

const row = (name: string, ...steps: string[]): [string, ...string[]] => [name, ...steps];

export const DOORS: readonly Attempt[] = [
  ...attempts('32-bit system calls', 'block', [
    ['a blocked file by int 0x80, open', `i386 open ${SECRET}`],
    ['a blocked file by int 0x80, openat', `i386 openat ${SECRET}`],
    ['a blocked file by int 0x80, openat2', `i386 openat2 ${SECRET}`],
    ['creat by int 0x80 on a read-only file', `i386 creat ${FILE}`],
    ['unlink by int 0x80 of a read-only file', `i386 unlink ${FILE}`],
    ['truncate by int 0x80 of a read-only file', `i386 truncate ${FILE}`],
    ['chmod by int 0x80 of a read-only file', `i386 chmod ${FILE}`],
    ['link by int 0x80 to a blocked file', `i386 link ${SECRET} ${HOME}/alias`],
    ['rename by int 0x80 of a blocked file', `i386 rename ${SECRET} ${HOME}/alias`],
    ['a blocked program by int 0x80, execve', `i386-exec execve ${BLOCKED}`],
    ['a blocked file by int 0x80 in a thread', 'thread', `i386 openat ${SECRET}`],
  ]),
  ...attempts('x32 system calls', 'block', [
    ['a blocked file by x32, open', `x32 open ${SECRET}`],
    ['a blocked file by x32, openat', `x32 openat ${SECRET}`],
    ['a blocked file by x32, openat2', `x32 openat2 ${SECRET}`],
    ['unlink by x32 of a read-only file', `x32 unlink ${FILE}`],
    ['a blocked program by x32, execve', `x32-exec ${BLOCKED}`],
  ]),
  ...Object.entries(MODES).flatMap(([who, mode]) =>
    attempts('io_uring', 'block', [
      row(`a blocked file opened by ${who}`, `uring ${mode} openat ${SECRET}`),
      row(`a blocked file opened by ${who}, openat2`, `uring ${mode} openat2 ${SECRET}`),
      row(`a read-only file emptied by ${who}`, `uring ${mode} truncating ${FILE}`),
      row(`a read-only file unlinked by ${who}`, `uring ${mode} unlink ${FILE}`),
      row(`a blocked file renamed by ${who}`, `uring ${mode} rename ${SECRET} ${HOME}/alias`),
      row(`a blocked file linked by ${who}`, `uring ${mode} link ${SECRET} ${HOME}/alias`),
      row(`a directory made in a read-only one by ${who}`, `uring ${mode} mkdir ${HOME}/read-only/new`),
      row(`a symbolic link made in a read-only directory by ${who}`, `uring ${mode} symlink /etc ${HOME}/read-only/new`),
      row(`a blocked file opened by ${who}, from outside the cgroup`, 'move /sys/fs/cgroup', `uring ${mode} openat ${SECRET}`),
      row(`a blocked file opened by ${who}, in a thread`, 'thread', `uring ${mode} openat ${SECRET}`),
    ]),
  ),
  ...Object.entries(MODES).flatMap(([who, mode]) =>
    attempts('io_uring', 'sockets', [
      row(`a TCP socket made by ${who}`, `uring-socket ${mode} 2 1 0`),
      row(`a UDP socket made by ${who}`, `uring-socket ${mode} 10 2 17`),
    ]),
  ),
];

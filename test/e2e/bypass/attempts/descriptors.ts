/** What somebody else opened, mapped, runs, or listens on. */
import { assisted, attempts, HOME, refusedWithEperm } from '../attempt.ts';
import type { Attempt } from '../attempt.ts';

const SECRET = `${HOME}/secret`;
const BLOCKED = `${HOME}/bin/blocked`;
const FILE = `${HOME}/read-only/file`;

/** The loader ends with 127 when it cannot map a program; as an error number that is this one. */
const LOADER_FAILED = 'EKEYEXPIRED';

export const DESCRIPTORS: readonly Attempt[] = [
  ...assisted('descriptors of others', 'block', [
    ['a blocked file received over a socket', `send ${SECRET}`, '--', 'receive', 'read-held'],
    ['a blocked file received over a socket, by a thread', `send ${SECRET}`, '--', 'thread', 'receive', 'read-held'],
    ['a read-only file received open for writing', `send ${FILE} write`, '--', 'receive'],
    ['a blocked file that fanotify opened for its reader', `opener ${SECRET}`, '--', `watch ${HOME} ${SECRET}`],
    ['a readable descriptor of a read-only file, opened again for writing', `hold openat ${FILE}`, '--', 'reopen-held write'],
  ]),
  ...assisted('processes outside', 'block', [
    ['a descriptor taken from a process outside', `send ${SECRET}`, '--', 'take', 'read-held'],
    ['memory of a process outside written to', 'beside mount', '--', 'reach write'],
    ['memory of a process outside read', 'beside mount', '--', 'reach read'],
    ['a process outside attached to', 'beside mount', '--', 'reach attach'],
    ['a process outside seized', 'beside mount', '--', 'reach seize'],
    ['a process outside attached to, from outside the cgroup', 'beside mount', '--', 'move /sys/fs/cgroup', 'reach attach'],
  ]).map(refusedWithEperm),
  ...assisted('processes outside', 'block', [['/proc/PID/mem of a process outside', 'beside mount', '--', 'reach mem']]),
  ...attempts('attributes', 'block', [
    ['an extended attribute of a read-only file', `change setxattr ${FILE}`],
    ['an extended attribute of a read-only file, by its descriptor', `change fsetxattr ${FILE}`],
    ['an extended attribute of a read-only file, by a thread after chroot', `chroot ${HOME}`, 'thread', 'change setxattr /read-only/file'],
  ]),
  ...attempts('mapping programs', 'block', [
    ['a blocked program mapped to be executed', `map-code ${BLOCKED}`],
    ['a blocked program mapped, then made executable', `protect-code ${BLOCKED}`],
    ['a blocked program mapped by a thread', 'thread', `map-code ${BLOCKED}`],
  ]),
  ...assisted('mapping programs', 'block', [
    [
      'a blocked program run by the loader',
      `make directory ${HOME}/flat-fs/bin`,
      `copy /bin/true ${HOME}/flat-fs/bin/blocked`,
      '--',
      `interpreter /lib64/ld-linux-x86-64.so.2 ${HOME}/flat-fs/bin/blocked`,
    ],
  ]).map((attempt) => ({ ...attempt, refused: LOADER_FAILED })),
  ...attempts('mapping programs', 'block', [['a blocked program as the loader of another', `exec execve ${HOME}/with-loader`]]).map(
    (attempt) => ({
      ...attempt,
      refused: 'SIGSEGV',
    }),
  ),
];

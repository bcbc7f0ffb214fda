/** Reaching a file by its own path, in every way that a path can be opened. */
import { assisted, attempts, HOME, LONG_DIRECTORY, LONG_NAME } from '../attempt.ts';
import type { Attempt } from '../attempt.ts';

const SECRET = `${HOME}/secret`;
const levels = (count: number): string => 'd/'.repeat(count);

/** Each is a row of its own: `open` with this argument. */
const WAYS: Readonly<Record<string, string>> = {
  'open(2)': 'open',
  'openat(2)': 'openat',
  'openat(2) from a directory descriptor': 'openat-dirfd',
  'openat2(2)': 'openat2',
  'openat2(2), RESOLVE_NO_SYMLINKS': 'openat2-no-symlinks',
  'openat2(2), RESOLVE_BENEATH': 'openat2-beneath',
  'openat2(2), RESOLVE_IN_ROOT': 'openat2-in-root',
  'openat2(2), RESOLVE_NO_XDEV and RESOLVE_NO_MAGICLINKS': 'openat2-no-xdev',
  'opening to read and write': 'read-write',
  'opening to append': 'append',
  'opening with O_CREAT': 'create',
  'opening with O_NONBLOCK and O_NOATIME': 'non-blocking',
  'O_PATH, then the descriptor in /proc/self/fd': 'path-then-fd',
  'O_PATH, then the descriptor in /dev/fd': 'path-then-dev-fd',
  'O_PATH, then the descriptor in /proc/thread-self/fd': 'path-then-thread-fd',
};

const ACTORS: Readonly<Record<string, string>> = {
  'a thread': 'thread',
  'a thread whose leader has ended': 'leaderless',
  'a forked child': 'fork',
  'a child of vfork': 'clone vfork',
  'a process that shares memory and descriptors': 'clone memory',
  'a child made a sibling by CLONE_PARENT': 'clone parent',
  'a child of clone3': 'clone3',
  'an orphan in its own session': 'orphan',
  'a traced child': 'traced',
  'a signal handler': 'handler',
  'a process with another name and no dump': 'comm systemd',
  'a process with no new privileges that reaps orphans': 'reaper',
  'another user': 'user 1000',
};

const PATHS: Readonly<Record<string, string>> = {
  'a path with .. in it': `${HOME}/flat/sub/../../secret`,
  'a path above the root and back': `/../../..${SECRET}`,
  'a path with doubled slashes and dots': `/var//tmp/.//bypass/././/secret`,
  'a symbolic link': `${HOME}/link`,
  'a symbolic link to a symbolic link': `${HOME}/link-to-link`,
  'a symbolic link to its directory': `${HOME}/link-to-directory/a/b/c`,
  'the root in /proc/self': `/proc/self/root${SECRET}`,
  'the working directory in /proc/self': `/proc/self/cwd${SECRET}`,
  'the root in /proc/thread-self': `/proc/thread-self/root${SECRET}`,
  'a chain of roots in /proc': `/proc/self/root/proc/self/root/proc/self/root${SECRET}`,
  'a tree of more than twenty levels': `${HOME}/deep/${levels(30)}secret`,
  'a tree of more levels than are kept near': `${HOME}/deep/${levels(140)}secret`,
  'a name of 255 bytes': `${HOME}/${LONG_NAME}`,
  'a directory whose path has more than 200 bytes': `${LONG_DIRECTORY}/secret`,
  'a file right below a directory that is not recursive': `${HOME}/flat/file`,
  'a path of nearly 4,096 bytes': `${'/./'.repeat(1350)}${SECRET}`,
};

const row = (name: string, ...steps: string[]): [string, ...string[]] => [name, ...steps];

export const OPENING: readonly Attempt[] = [
  ...attempts(
    'opening',
    'block',
    Object.entries(WAYS).map(([how, word]) => row(`a blocked file by ${how}`, `open ${word} ${SECRET}`)),
  ),
  ...attempts(
    'who opens',
    'block',
    Object.entries(ACTORS).map(([who, step]) => row(`a blocked file, opened by ${who}`, step, `open openat ${SECRET}`)),
  ),
  ...attempts(
    'paths',
    'block',
    Object.entries(PATHS).map(([how, path]) => row(`a blocked file by ${how}`, 'chdir /', `open openat ${path}`)),
  ),
  ...attempts('paths', 'block', [
    ['a blocked file by its name alone, from its directory', `chdir ${HOME}`, 'open openat secret'],
    ['a blocked file after chroot to its directory', `chroot ${HOME}`, 'open openat /secret'],
    ['a blocked file by .. after chroot', `chroot ${HOME}/flat`, 'chdir /sub', 'open openat ../file'],
    ['a blocked file after chroot, from a directory outside the new root', `chdir ${HOME}`, `chroot ${HOME}/fake`, 'open openat secret'],
    [
      'a blocked file after chroot, through a directory descriptor from before',
      `hold openat ${HOME}`,
      `chroot ${HOME}/fake`,
      'fchdir',
      'open openat secret',
    ],
    ['a file at a depth that cannot be judged, by relative steps', `deep 2100 ${HOME}/flat-fs`, 'copy /proc/version x'],
    ['names in a blocked directory', `list ${HOME}/deep`],
    ['names in a blocked directory that is not recursive', `list ${HOME}/flat`],
    ['a blocked file by a handle', `open handle ${HOME}/flat-fs/secret`],
  ]),
  ...assisted('paths', 'block', [
    ['a blocked file from a working directory held since before the rules', `chdir ${HOME}`, '--', 'open openat secret'],
    ['a blocked file through a directory descriptor of the runtime', `hold openat ${HOME}`, '--', 'open-at-held secret'],
    ['a blocked file through an O_PATH descriptor of the runtime', `hold path ${SECRET}`, '--', 'reopen-held'],
    [
      'a blocked file by a handle, through a mount that does not show it',
      `copy ${HOME}/plain ${HOME}/flat-fs/visible`,
      `mount bind ${HOME}/flat-fs/visible ${HOME}/plain`,
      '--',
      `open handle-elsewhere ${HOME}/flat-fs/secret`,
    ],
    ['a blocked file, for writing, through a readable descriptor of the runtime', `hold openat ${SECRET}`, '--', 'reopen-held write'],
  ]),
];

/** Giving a file another path, or a path another file, by mounting. */
import { assisted, attempts, HOME, refusedWithEperm } from '../attempt.ts';
import type { Attempt } from '../attempt.ts';

const SECRET = `${HOME}/secret`;
const MNT = `${HOME}/mnt`;
const READ = `open openat ${MNT}/secret`;

export const MOUNTS: readonly Attempt[] = [
  ...attempts('mounts', 'block', [
    ['a bind mount of a blocked file over another', `mount bind ${SECRET} ${HOME}/plain`, `open openat ${HOME}/plain`],
    ['a bind mount of the directory of a blocked file', `mount bind ${HOME} ${MNT}`, READ],
    ['a recursive bind mount', `mount recursive ${HOME} ${MNT}`, READ],
    ['a bind mount in a mount namespace of its own', 'unshare mount', `mount bind ${HOME} ${MNT}`, READ],
    ['a bind mount in a user namespace of its own', 'user 1000', 'rootless mount', `mount recursive ${HOME} ${MNT}`, READ],
    ['a bind mount after leaving the cgroup', 'move /sys/fs/cgroup', `mount bind ${HOME} ${MNT}`, READ],
    ['a bind mount by a thread', 'thread', `mount bind ${HOME} ${MNT}`, READ],
    ['a mount moved elsewhere', 'private /', `mount move ${HOME}/flat-fs ${MNT}`, READ],
    ['a tree moved with the new system calls', `mount-tree ${HOME} ${MNT}`, READ],
    ['an overlay whose lower directory has a blocked file', `mount overlay ${HOME}/flat-fs ${MNT}`, READ],
    ['a new root for the mount namespace', `pivot ${HOME}`, 'open openat /secret'],
    ['a new root for a mount namespace of its own', 'unshare mount', `pivot ${HOME}`, 'open openat /secret'],
    ['a mount taken away from under its files', `hold openat ${HOME}`, `unmount ${HOME}`, 'open-at-held secret'],
    ['a bind mount of the directory of a blocked program', `mount bind ${HOME}/bin ${MNT}`, `exec execve ${MNT}/blocked`],
    ['a file system mounted over a read-only directory', `mount tmpfs none ${HOME}/read-only`, `make file ${HOME}/read-only/new`],
    ['a second /proc', `mount proc none ${MNT}`],
    ['an attribute of a mount changed', `mount-attribute ${HOME}/flat-fs`],
    ['an attribute of a mount changed, in namespaces of its own', 'user 1000', 'rootless mount', `mount-attribute ${HOME}/flat-fs`],
  ]).map(refusedWithEperm),
  ...attempts('mounts', 'block', [
    ['a copy of a mount that is attached nowhere', `tree ${HOME}`, 'open-at-held secret'],
    ['a recursive copy of a mount that is attached nowhere', `tree ${HOME} recursive`, 'open-at-held secret'],
    ['a copy of a mount in a user namespace of its own', 'user 1000', 'rootless mount', `tree ${HOME} recursive`, 'open-at-held secret'],
    ['a blocked program in a mount that is attached nowhere', `tree ${HOME}`, 'exec-at-held bin/blocked'],
  ]),
  ...attempts('mounts', 'sources', [
    [
      'a program mounted over the one for which a file is',
      `mount tmpfs none ${HOME}/bin`,
      `copy /proc/self/exe ${HOME}/bin/source`,
      `exec execve ${HOME}/bin/source`,
      `open openat ${SECRET}`,
    ],
    [
      'a program bound over the one for which a file is',
      `mount bind ${HOME}/bin/free ${HOME}/bin/source`,
      `exec execve ${HOME}/bin/source`,
      `open openat ${SECRET}`,
    ],
    [
      'a program mounted over the one for which a file is, in a namespace of its own',
      'unshare mount',
      `mount tmpfs none ${HOME}/bin`,
      `copy /proc/self/exe ${HOME}/bin/source`,
      `exec execve ${HOME}/bin/source`,
      `open openat ${SECRET}`,
    ],
  ]).map(refusedWithEperm),
  ...assisted('mounts', 'allow', [
    ['a program in a mount that is attached nowhere, against an allow-list', `tree ${HOME}`, '--', 'exec-at-held bin/other'],
    ['a file in a mount that is attached nowhere, against an allow-list', `tree ${HOME}`, '--', 'open-at-held outside'],
  ]),
];

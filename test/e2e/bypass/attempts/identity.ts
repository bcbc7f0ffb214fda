/** Becoming somebody for whom the rules are not. */
import { ACTOR, assisted, attempts, HOME } from '../attempt.ts';
import type { Attempt } from '../attempt.ts';

const SECRET = `${HOME}/secret`;
const READ = `open openat ${SECRET}`;
const CGROUPS = '/sys/fs/cgroup';
const SOURCE = `${HOME}/bin/source`;

export const IDENTITY: readonly Attempt[] = [
  ...attempts('namespaces', 'block', [
    ['a new mount namespace', 'unshare mount', READ],
    ['a new pid namespace', 'unshare pid', 'fork', READ],
    ['a new user namespace', 'unshare user', READ],
    ['a new cgroup namespace', 'unshare cgroup', READ],
    ['new net, ipc and uts namespaces', 'unshare net ipc uts', READ],
    ['a new time namespace', 'unshare time', 'fork', READ],
    ['all namespaces at once', 'unshare mount user pid cgroup net ipc uts', 'fork', READ],
    ['a child made with new namespaces', 'in-new mount pid user', READ],
    ['an unprivileged user with a mount namespace of its own', 'user 1000', 'rootless mount', READ],
    ['an unprivileged user with a pid namespace of its own', 'user 1000', 'rootless pid', 'fork', READ],
    ['namespaces within namespaces', 'unshare mount pid', 'fork', 'unshare mount pid user', 'fork', READ],
    ['a new mount namespace, then another program', 'unshare mount', `exec execve ${HOME}/bin/free`, READ],
    ['a new mount namespace, in a thread', 'unshare mount', 'thread', READ],
    ['a file table and a root of its own', 'unshare files fs', READ],
  ]),
  ...assisted('namespaces', 'block', [
    ['joining the mount namespace of a process of the node', 'beside mount', '--', 'join mnt', READ],
    ['joining the pid namespace of a process of the node', 'beside mount', '--', 'join pid', 'fork', READ],
    ['joining all namespaces of a process of the node', 'beside mount ipc uts', '--', 'join-by-pidfd mount ipc uts cgroup', READ],
    ['joining the cgroup namespace of a process of the node', 'beside cgroup', '--', 'join cgroup', READ],
    ['joining a mount namespace, then another program', 'beside mount', '--', 'join mnt', `exec execve ${HOME}/bin/free`, READ],
    ['the root of a process in another mount namespace', 'beside mount', '--', `open-beside root ${SECRET}`],
    ['the working directory of a process in another mount namespace', `chdir ${HOME}`, 'beside mount', '--', 'open-beside cwd /secret'],
    [
      'a directory of another mount namespace as working directory',
      `chdir ${HOME}`,
      'beside mount',
      '--',
      'chdir-beside cwd',
      'open openat secret',
    ],
    ['a blocked program by the root of another process', 'beside mount', '--', `exec-beside root ${HOME}/bin/blocked`],
  ]),
  ...attempts('cgroups', 'block', [
    ['leaving the cgroup', `move ${CGROUPS}`, READ],
    ['leaving the cgroup, then another program', `move ${CGROUPS}`, `exec execve ${HOME}/bin/free`, READ],
    ['leaving the cgroup, then a blocked program', `move ${CGROUPS}`, `exec execve ${HOME}/bin/blocked`],
    ['leaving the cgroup, then a child', `move ${CGROUPS}`, 'fork', READ],
    ['a child born in another cgroup', `clone3 ${CGROUPS}`, READ],
    ['a child born in another cgroup, then another program', `clone3 ${CGROUPS}`, `exec execve ${HOME}/bin/free`, READ],
    ['a cgroup of its own outside', `nest ${CGROUPS} bypass-own`, READ],
    ['a nested cgroup', 'nest here inner', `exec execve ${HOME}/bin/free`, READ],
    ['leaving the cgroup and all namespaces', `move ${CGROUPS}`, 'unshare mount pid user cgroup', 'fork', READ],
    [
      'leaving the cgroup, as an orphan that then becomes another program',
      `move ${CGROUPS}`,
      'orphan',
      `exec execve ${HOME}/bin/free`,
      READ,
    ],
    ['leaving the cgroup, by a thread whose leader has ended', `move ${CGROUPS}`, 'leaderless', READ],
    ['leaving the cgroup, by a program from memory', `move ${CGROUPS}`, `exec memory ${HOME}/bin/free`, READ],
    ['leaving the cgroup by a child of vfork', `move ${CGROUPS}`, 'clone vfork', `exec execve ${HOME}/bin/free`, READ],
    ['a program from a thread after leaving the cgroup', `move ${CGROUPS}`, `exec thread ${HOME}/bin/free`, READ],
  ]),
  ...attempts('sources', 'sources', [
    ['a file for one program, by another', READ],
    ['a file for one program, by one that calls itself so', 'comm source', READ],
    ['a file for one program, by one with its name as first word', `exec other-name ${HOME}/bin/other`, READ],
    ['a file for one program, by a copy of it', `copy ${SOURCE} ${HOME}/copy`, `exec execve ${HOME}/copy`, READ],
    ['a file for one program, by its image in memory', `exec memory ${SOURCE}`, READ],
    [
      'a file for one program, by a copy in a root of its own',
      `hold openat ${HOME}`,
      `chroot ${HOME}/source-root`,
      `exec execve ${SOURCE}`,
      'open-at-held secret',
    ],
    ['a file for one program, by what that program starts', `exec execve ${SOURCE}`, 'fork', `exec execve ${ACTOR}`, READ],
    ['a file for one program, by what a thread of it becomes', `exec execve ${SOURCE}`, `exec thread ${ACTOR}`, READ],
    ['a file for one program, by one that takes over its link', `link link ${SOURCE} ${HOME}/alias`, `exec execve ${HOME}/alias`, READ],
    ['the program for which a file is, replaced', `rename rename ${HOME}/bin/other ${SOURCE}`],
    ['the program for which a file is, overwritten', `write write-only ${SOURCE}`],
    ['the program for which a file is, removed', `remove unlink ${SOURCE}`],
    [
      'a program refused to one caller, by that caller in a thread',
      `exec execve ${HOME}/bin/other`,
      'thread',
      `exec execve ${HOME}/bin/blocked`,
    ],
    ['a program refused to one caller, by its child', `exec execve ${HOME}/bin/other`, 'fork', `exec execve ${HOME}/bin/blocked`],
    ['a program refused to one caller, by its traced child', `exec execve ${HOME}/bin/other`, 'traced', `exec execve ${HOME}/bin/blocked`],
    [
      'a program refused to one caller, by its child of vfork',
      `exec execve ${HOME}/bin/other`,
      'clone vfork',
      `exec execve ${HOME}/bin/blocked`,
    ],
    ['a program refused to one caller, spawned', `exec execve ${HOME}/bin/other`, `exec spawn ${HOME}/bin/blocked`],
    ['a file for one program, by one that pretends to run it', `pretend ${SOURCE}`, READ],
  ]),
];

/** Using a capability against rules about capabilities. */
import { assisted, attempts, HOME, refusedWithEperm } from '../attempt.ts';
import type { Attempt } from '../attempt.ts';

export const CAPABILITIES: readonly Attempt[] = [
  ...attempts('capabilities', 'capabilities', [
    ['sys_admin for the host name', 'capability sethostname'],
    ['sys_admin for the domain name', 'capability setdomainname'],
    ['sys_admin in a thread', 'thread', 'capability sethostname'],
    ['sys_admin in a user namespace of its own', 'user 1000', 'rootless uts', 'capability sethostname'],
    ['sys_admin for a mount namespace', 'unshare mount'],
    ['sys_admin to mount', `mount tmpfs none ${HOME}/mnt`],
    ['sys_admin to mount with the new system calls', 'fresh-fs tmpfs'],
    ['sys_admin after leaving the cgroup', 'move /sys/fs/cgroup', 'capability sethostname'],
    ['sys_admin after another program', `exec execve ${HOME}/bin/free`, 'capability sethostname'],
    ['sys_chroot', 'capability chroot'],
    ['sys_chroot in a user namespace of its own', 'user 1000', 'rootless', 'capability chroot'],
    ['mknod of a device', `capability mknod ${HOME}/device`],
    ['chown', `capability chown ${HOME}/plain`],
    ['open_by_handle_at', `open handle ${HOME}/flat-fs/secret`],
  ]).map(refusedWithEperm),
  ...assisted('capabilities', 'capabilities', [
    ['dac_override for a file without permissions', `change no-mode ${HOME}/owned`, '--', `open openat ${HOME}/owned`],
    ['dac_override of another time, kept by io_uring', `change no-mode ${HOME}/secret`, '--', `uring-as-root 1000 ${HOME}/secret`],
  ]),
  ...attempts('capabilities', 'capabilities', [['sys_nice for a better priority', 'capability nice']]),
];

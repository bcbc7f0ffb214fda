/** Hardening and presets: what a container may not do, whatever the program. */
import { assisted, attempts, HOME, refusedWithEperm } from '../attempt.ts';
import type { Attempt } from '../attempt.ts';

const FREE = `${HOME}/bin/free`;

export const SWITCHES: readonly Attempt[] = [
  ...attempts('hardening', 'hardening', [
    ['a file system mounted', `mount tmpfs none ${HOME}/mnt`],
    ['a mount bound elsewhere', `mount bind ${HOME}/flat ${HOME}/mnt`],
    ['a mount moved with the new system calls', `mount-tree ${HOME}/flat ${HOME}/mnt`],
    ['a mount taken away', `unmount ${HOME}/flat-fs`],
    ['propagation changed', 'private /'],
    ['a file system mounted in a user namespace, which must not be made', 'user 1000', 'rootless mount', `mount tmpfs none ${HOME}/mnt`],
    ['asking to be traced', 'traced', 'chdir /'],
    ['a user namespace by unshare', 'unshare user'],
    ['a user namespace by clone', 'in-new user', 'chdir /'],
    ['a user namespace by an unprivileged user', 'user 1000', 'rootless'],
    ['a user namespace after leaving the cgroup', 'move /sys/fs/cgroup', 'unshare user'],
    ['a user namespace by another program', `exec execve ${FREE}`, 'unshare user'],
    ['a map', 'bpf-map'],
    ['a map, by a thread', 'thread', 'bpf-map'],
    ['an event counted', 'perf'],
    ['a module from memory', 'module memory'],
    ['a module from a file', 'module file'],
    ['a ring', `uring plain openat ${HOME}/secret`],
    ['a ring that the kernel polls', `uring polled openat ${HOME}/secret`],
    ['a ring after leaving the cgroup', 'move /sys/fs/cgroup', `uring plain openat ${HOME}/secret`],
  ]).map(refusedWithEperm),
  ...assisted('hardening', 'hardening', [
    ['a process outside attached to, though no rule names files', 'beside mount', '--', 'reach attach'],
    ['a process outside written to, though no rule names files', 'beside mount', '--', 'reach write'],
  ]).map(refusedWithEperm),
  ...attempts('presets', 'presets', [
    ['a program from memory that must have a file', `exec memory ${FREE}`],
    ['a program from memory, by a thread', 'thread', `exec memory ${FREE}`],
    ['a program from memory, after leaving the cgroup', 'move /sys/fs/cgroup', `exec memory ${FREE}`],
    ['a deleted program that must have a file', `exec deleted ${FREE}`],
    ['a program in /dev/shm', `copy ${FREE} /dev/shm/bypass`, 'exec execve /dev/shm/bypass'],
    ['a program in a mount that is attached nowhere', `tree ${HOME}`, 'exec-at-held bin/free'],
  ]),
  ...attempts('presets', 'presets', [
    ['memory both writable and executable', 'code mmap'],
    ['memory made executable after it was written', 'code mprotect'],
    ['memory made executable by pkey_mprotect', 'code pkey'],
    ['executable System V memory', 'code shm'],
    ['a memfd mapped executable', 'code memfd'],
    ['memory made executable by a thread', 'thread', 'code mprotect'],
    ['memory made executable after leaving the cgroup', 'move /sys/fs/cgroup', 'code mprotect'],
  ]).map(refusedWithEperm),
  ...assisted('presets', 'presets', [
    ["another process's environment", 'beside uts', '--', 'peek-beside environ'],
    ["another process's environment by its thread", 'beside uts', '--', 'peek-beside task/environ'],
    ["another process's environment from its own directory", 'beside uts', '--', 'chdir-beside .', 'peek environ'],
    ["another process's memory map", 'beside uts', '--', 'peek-beside maps'],
    ["another process's command line", 'beside uts', '--', 'peek-beside cmdline'],
    ["another process's status by its thread", 'beside uts', '--', 'peek-beside task/status'],
    ["another process's status after leaving the cgroup", 'beside uts', '--', 'move /sys/fs/cgroup', 'peek-beside status'],
  ]),
  ...attempts('presets', 'environment', [
    ["another process's memory, read", `trace read ${FREE}`],
    ["another process's memory, read by a thread", 'thread', `trace read ${FREE}`],
    ["another process's memory, by attaching to it", `trace attach ${FREE}`],
    ["another process's memory, by seizing it", `trace seize ${FREE}`],
    ["another process's memory, by having it ask to be traced", `trace asked ${FREE}`],
    ["another process's descriptor", `trace take ${FREE}`],
  ]).map(refusedWithEperm),
  ...assisted('presets', 'environment', [
    ["another process's environment by the root of a third", 'beside uts', '--', 'chdir-beside root', 'chdir proc', 'peek 1/environ'],
  ]),
  ...attempts('presets', 'text', [
    ['program text changed by the file of its own memory', 'patch-self /proc/self/mem'],
    ['program text changed by the file of its memory, in a thread', 'thread', 'patch-self /proc/thread-self/mem'],
    ["another process's text changed by tracing it", `trace attach ${FREE}`],
    ["another process's text changed, which asked to be traced", `trace asked ${FREE}`],
    ["another process's memory written by its file", `trace mem ${FREE}`],
  ]).map(refusedWithEperm),
  ...assisted('presets', 'processes', [
    ["a file by another process's root", 'beside uts', '--', `open-beside root ${HOME}/secret`],
    ["a file by another process's working directory", `chdir ${HOME}`, 'beside uts', '--', 'open-beside cwd /secret'],
    ["a file by another process's descriptor", `hold openat ${HOME}/secret`, 'beside uts', '--', 'open-beside fd /100'],
    ["another process's program", 'beside uts', '--', 'peek-beside exe'],
    ["another process's root as working directory", 'beside uts', '--', 'chdir-beside root'],
    ["another process's root, by a thread", 'beside uts', '--', 'thread', 'chdir-beside root'],
  ]),
];

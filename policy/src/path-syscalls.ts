/**
 * System calls that rules of `syscalls.matchPaths` can name: a security hook runs inside of each that knows the path. Which one tells of the call
 * is part of its rules in the kernel, so that a call that meets several hooks (open(2) may create, open and truncate) is told by one.
 */
import { HOOKS } from './abi.ts';

const OPENING = ['file_open'] as const;
const EXECUTING = ['bprm_check_security'] as const;

const TOLD_BY = {
  open: OPENING,
  openat: OPENING,
  openat2: OPENING,
  creat: OPENING,
  open_by_handle_at: OPENING,
  execve: EXECUTING,
  execveat: EXECUTING,
  mknod: ['path_mknod'],
  mknodat: ['path_mknod'],
  bind: ['path_mknod'],
  mkdir: ['path_mkdir'],
  mkdirat: ['path_mkdir'],
  rmdir: ['path_rmdir'],
  unlink: ['path_unlink'],
  unlinkat: ['path_unlink', 'path_rmdir'],
  symlink: ['path_symlink'],
  symlinkat: ['path_symlink'],
  link: ['path_link'],
  linkat: ['path_link'],
  rename: ['path_rename'],
  renameat: ['path_rename'],
  renameat2: ['path_rename'],
  chmod: ['path_chmod'],
  fchmod: ['path_chmod'],
  fchmodat: ['path_chmod'],
  chown: ['path_chown'],
  fchown: ['path_chown'],
  lchown: ['path_chown'],
  fchownat: ['path_chown'],
  truncate: ['path_truncate'],
  // From Linux 6.2 on by a hook of its own.
  ftruncate: ['path_truncate', 'file_truncate'],
} as const satisfies Readonly<Record<string, readonly string[]>>;

/** The name of a call that a rule can be about together with a path. */
export type PathSyscall = keyof typeof TOLD_BY;

export const PATH_SYSCALLS = Object.keys(TOLD_BY) as readonly PathSyscall[];

/** The kernel's names of the hooks that tell of a call on a path; none for calls that have no such hook. */
export function hooksTelling(syscall: string): readonly string[] {
  return Object.hasOwn(TOLD_BY, syscall) ? TOLD_BY[syscall as PathSyscall] : [];
}

/** The numbers of these hooks, as in `HOOKS`. */
export function hookNumbersTelling(syscall: string): readonly number[] {
  return hooksTelling(syscall).map((hook) => HOOK_NUMBERS.get(hook) ?? -1);
}

/** Alerts name the hook of execve after its function. */
const HOOK_NUMBERS: ReadonlyMap<string, number> = new Map(
  HOOKS.map((name, number) => [name === 'SECURITY_BPRM_CHECK' ? 'bprm_check_security' : name.toLowerCase(), number]),
);

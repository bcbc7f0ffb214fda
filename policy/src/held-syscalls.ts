/**
 * System calls that can be blocked: a security hook runs inside of each, always, before it does anything. All other calls can only be audited.
 */
const HELD: Readonly<Record<string, readonly string[]>> = {
  mount: ['sb_mount'],
  umount2: ['sb_umount'],
  move_mount: ['move_mount'],
  pivot_root: ['sb_pivotroot'],
  ptrace: ['ptrace_access_check', 'ptrace_traceme'],
  process_vm_readv: ['ptrace_access_check'],
  process_vm_writev: ['ptrace_access_check'],
  pidfd_getfd: ['ptrace_access_check'],
  init_module: ['kernel_load_data'],
  finit_module: ['kernel_read_file'],
  kexec_load: ['kernel_load_data'],
  kexec_file_load: ['kernel_read_file'],
  bpf: ['bpf'],
  perf_event_open: ['perf_event_open'],
  io_uring_setup: ['inode_init_security_anon'],
};

/** The names of those that can be blocked. */
export const BLOCKABLE_SYSCALLS: readonly string[] = Object.keys(HELD);

/** The hooks that hold a call when it is blocked; none for calls that cannot be. */
export function hooksHolding(syscall: string): readonly string[] {
  return Object.hasOwn(HELD, syscall) ? (HELD[syscall] ?? []) : [];
}

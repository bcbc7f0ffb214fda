/** KubeArmor's API, the section about system calls; the rest is in kubearmor-spec.ts. */
import type { PathSyscall } from '@parapet/policy';
import type { Inherited, WithSources } from './inherited-spec.ts';

/** System calls, whatever they act on. */
export interface SyscallRule extends WithSources {
  /** Names of system calls, those of x86-64; 32-bit entries count as the same calls. */
  readonly syscall: readonly string[];
  /**
   * `Block` is for the calls that a hook of the kernel holds (docs/semantics.md names them), and Parapet's extension of the API.
   * @default 'Audit'
   */
  readonly action?: 'Audit' | 'Block';
}

/** System calls that are audited where they act on a path; docs/semantics.md says when each is told. */
export interface SyscallPath extends WithSources {
  /** Absolute path of a file, or of a directory where it ends in `/`; symbolic links are followed in the container. */
  readonly path: string;
  /**
   * Everything below a directory, not only direct children.
   * @default false
   */
  readonly recursive?: boolean;
  readonly syscall: readonly PathSyscall[];
}

/** System calls that are audited or blocked. */
export interface Syscalls extends Omit<Inherited, 'action'> {
  readonly matchSyscalls?: readonly SyscallRule[];
  readonly matchPaths?: readonly SyscallPath[];
}

/** From the kernel's programs and what an earlier agent left to an enforcer. */
import type { Enforcer, EnforcerSupport } from '../../ports.ts';
import { StageError } from '../../stage-error.ts';
import { KernelEnforcer } from './enforcer.ts';
import { openLibrary } from './library.ts';
import { probeKernel } from './probe.ts';
import { startPrograms } from './programs.ts';

export interface BpfOptions {
  /** Holds libparapet.so and the compiled objects: `bpf/build`. */
  readonly bpfDirectory: string;
  /** In a BPF file system. Default `/sys/fs/bpf/parapet`. */
  readonly pinDirectory?: string;
  /** What `probeKernel` found; default: probe again. */
  readonly support?: EnforcerSupport;
}

/** Puts the programs in force and takes over what an earlier agent left. Throws a StageError when this kernel cannot enforce. */
export async function createBpfEnforcer(options: BpfOptions): Promise<Enforcer> {
  const support = options.support ?? (await probeKernel(options));
  if (support.enforcer !== 'BPF-LSM') {
    const why = support.problems.map(({ message, hint }) => (hint === undefined ? message : `${message} (${hint})`)).join('; ');
    throw new StageError(`this kernel cannot enforce: ${why}`, { stage: 'kernel', retry: false });
  }
  const library = openLibrary(options.bpfDirectory);
  const programs = await startPrograms(library, {
    bpfDirectory: options.bpfDirectory,
    pinDirectory: options.pinDirectory ?? '/sys/fs/bpf/parapet',
  });
  return new KernelEnforcer({ library, programs, support, bpfDirectory: options.bpfDirectory });
}

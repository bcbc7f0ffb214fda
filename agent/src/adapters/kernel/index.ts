/** The enforcer for kernels with BPF-LSM. */
export { createBpfEnforcer } from './start.ts';
export type { BpfOptions } from './start.ts';
export { openFiles } from './files.ts';
export { openLinks } from './links.ts';
export { probeKernel } from './probe.ts';

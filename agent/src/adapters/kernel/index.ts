/** The enforcer for kernels with BPF-LSM. */
export { createBpfEnforcer } from './enforcer.ts';
export type { BpfOptions } from './enforcer.ts';
export { openLinks } from './links.ts';
export { probeKernel } from './probe.ts';

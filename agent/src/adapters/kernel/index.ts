/** The enforcer for kernels with BPF-LSM. */
export { createBpfEnforcer } from './enforcer.ts';
export type { BpfEnforcer, BpfOptions } from './enforcer.ts';
export { probeKernel } from './probe.ts';

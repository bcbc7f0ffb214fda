/**
 * Set-up's last step: a kernel for the microVM, ready before anybody waits for it. `--where-needed`: not where this machine can enforce.
 * `--all`: every kernel that the tests boot.
 */
import { resolve } from 'node:path';
import { cachedKernel, findKernel } from './kernel.ts';
import { findInitrd } from './initrd.ts';
import { KERNELS } from './options.ts';

const say = (sentence: string): void => console.log(`setup: ${sentence}`);

/** Whether this machine's own kernel attaches LSM programs; the agent knows. */
async function enforcesHere(): Promise<boolean> {
  const { probeKernel } = await import('../../../agent/src/adapters/kernel/probe.ts');
  return (await probeKernel({ bpfDirectory: resolve(import.meta.dirname, '../../../bpf/build') })).enforcer !== 'none';
}

try {
  const whereNeeded = process.argv.includes('--where-needed');
  if ((await cachedKernel('6.1')) === undefined && whereNeeded && (await enforcesHere()))
    say('this kernel attaches LSM programs: no microVM needed');
  else for (const name of process.argv.includes('--all') ? KERNELS : [undefined]) await findInitrd(await findKernel(name, say));
} catch (error) {
  console.error(`setup: ${error instanceof Error ? error.message : String(error)}`);
  process.exitCode = 1;
}

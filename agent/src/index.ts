/** The node agent: what the command line and tests use of it. */
import { setFlagsFromString } from 'node:v8';
import type { AgentFlags } from './config.ts';
import type { RunOptions } from './main.ts';
import type { EnforcerSupport } from './ports.ts';

export { agentStatus, agentStop, agentWait } from './adapters/control/commands.ts';
export type { CommandOptions } from './adapters/control/commands.ts';
export type { AgentFlags } from './config.ts';
export type { RunOptions } from './main.ts';
export type { Answer, EnforcerSupport } from './ports.ts';
export { renderStatus } from './render.ts';
export { StageError } from './stage-error.ts';
export type { AgentStatus, ContainerStatus } from './status.ts';

/**
 * Runs the agent until SIGTERM, SIGINT or `parapet agent stop`; enforcement stays unless the latter lifts it. Returns the exit code: 0 when
 * it was stopped, 2 when a flag is wrong, 3 when this node cannot enforce or the agent cannot start; why is told to `log`.
 */
export async function runAgent(flags: AgentFlags, options: RunOptions = {}): Promise<0 | 2 | 3> {
  // Memory before speed, since the node is there for its workloads: some 20 MB less, and events are still decoded twice as fast as they must be.
  setFlagsFromString('--optimize-for-size');
  // Loaded only here: who asks a running agent needs neither the kernel's libraries nor containerd's.
  const { runAgent: run } = await import('./main.ts');
  return run(flags, options);
}

/** What this kernel can enforce. `bpfDirectory` holds the compiled kernel programs. Throws a StageError when they are not there. */
export async function probeKernel(options: { readonly bpfDirectory: string }): Promise<EnforcerSupport> {
  const kernel = await import('./adapters/kernel/index.ts');
  return kernel.probeKernel(options);
}

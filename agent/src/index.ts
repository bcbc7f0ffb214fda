/** The node agent: what the command line and tests use of it. */
export { agentStatus, agentStop, agentWait } from './adapters/control/commands.ts';
export type { CommandOptions } from './adapters/control/commands.ts';
export type { AgentFlags } from './config.ts';
export { runAgent } from './main.ts';
export type { RunOptions } from './main.ts';
export type { Answer } from './ports.ts';
export { renderStatus } from './render.ts';
export { StageError } from './stage-error.ts';
export type { AgentStatus, ContainerStatus } from './status.ts';

/** `parapet agent`: the node without Kubernetes. Loads only the agent, which carries no synthesizer and no Git. */
import type { AgentFlags } from '@parapet/agent';
import { Option } from 'commander';
import type { Command } from 'commander';
import type { Door, ExitCode } from './exit.ts';

const RUN_EXAMPLES = `
Policies are YAML or JSON files at any depth, watched for change. A container's labels are its containerd labels plus
kubearmor.io/container.name=<name>; its namespace is its label io.kubernetes.pod.namespace, else parapet.dev/namespace, else default.
Enforcement stays when the agent ends, however it ends; parapet agent stop --remove lifts it.

Examples:
  parapet agent run --policies /etc/parapet/policies --alerts /var/log/parapet.jsonl
  parapet agent run --policies DIR --alerts - --default-posture file=block,network=audit`;

const WAIT_EXAMPLES = `
Returns 0 when the policy is in force on every matching container here, at once where none matches yet; 1 with the reason when it can't be.

Examples:
  parapet agent wait --policy shop/web --timeout 10s
  parapet agent wait --policy edge-nodes             a cluster or host policy`;

const STOP_EXAMPLES = `
--remove also cleans up after an agent that runs no more.

Examples:
  parapet agent stop            what is in force stays in force (same as --keep)
  parapet agent stop --remove   nothing is enforced any more`;

interface State {
  readonly state?: string;
}

export function addAgentCommands(program: Command, door: Door): void {
  const agent = program.command('agent').description('enforce policies on this node, and ask about it');
  addRun(agent, door);
  addStatus(agent, door);
  addWait(agent, door);
  addStop(agent, door);
}

function addRun(agent: Command, { terminal, finish }: Door): void {
  agent
    .command('run')
    .description('enforce the policies of a directory on the containers of this node, until it is stopped; needs root')
    .requiredOption('--policies <dir>', 'directory of manifests, or a target of parapet reconcile')
    .option('--alerts <file>', 'append alerts to this file, a JSON line each; - is standard output (default: -)')
    .option('--runtime <address>', 'socket of containerd (default: unix:///run/containerd/containerd.sock)')
    .option('--node <name>', "the node's name in alerts and reports (default: the host's name)")
    .option('--default-posture <posture>', 'what an allow-list does not name: audit, block, or file=block,network=audit,… (default: audit)')
    .option('--host-default-posture <posture>', 'the same for host policies (default: as --default-posture)')
    .option('--unknown-containers <mode>', 'programs of containers not known yet: hold, deny or allow (default: hold)')
    .option('--when-agent-is-gone <mode>', 'the same while there is no agent: open or deny (default: open)')
    .option('--reports <dir>', 'write a NodeReport here, for the reconciler (default: none)')
    .option('--cluster <name>', "the cluster's name in alerts (default: default)")
    .addOption(stateOption())
    .addHelpText('after', RUN_EXAMPLES)
    .action(async (flags: AgentFlags) => {
      const { runAgent } = await import('@parapet/agent');
      finish(await runAgent(flags, { log: (line) => terminal.err(`${line}\n`) }));
    });
}

function addStatus(agent: Command, { terminal }: Door): void {
  agent
    .command('status')
    .description('what is in force on this node: enforcer, policies, containers, counters, drops')
    .option('--json', 'as JSON')
    .addOption(stateOption())
    .action(async ({ json, state }: State & { json?: true }) => {
      const { agentStatus, renderStatus } = await import('@parapet/agent');
      const status = await agentStatus({ state });
      terminal.out(json === true ? `${JSON.stringify(status, null, 2)}\n` : renderStatus(status));
    });
}

function addWait(agent: Command, door: Door): void {
  agent
    .command('wait')
    .description('wait until a policy is in force here')
    .requiredOption('--policy <namespace/name>', 'the policy; NAME alone for cluster and host policies')
    .option('--timeout <time>', 'how long at most: 500ms, 30s, 2m (default: 30s)')
    .addOption(stateOption())
    .addHelpText('after', WAIT_EXAMPLES)
    .action(async (question: State & { policy: string; timeout?: string }) => {
      const { agentWait } = await import('@parapet/agent');
      tell(door, await agentWait(question));
    });
}

function addStop(agent: Command, door: Door): void {
  agent
    .command('stop')
    .description('stop the agent of this node')
    .addOption(new Option('--keep', 'leave in force what is in force (default)').conflicts('remove'))
    .option('--remove', 'lift all enforcement')
    .addOption(stateOption())
    .addHelpText('after', STOP_EXAMPLES)
    .action(async ({ remove, state }: State & { remove?: true }) => {
      const { agentStop } = await import('@parapet/agent');
      tell(door, await agentStop({ how: remove === true ? 'remove' : 'keep', state }));
    });
}

const stateOption = (): Option => new Option('--state <dir>', "directory of the agent's socket (default: /run/parapet)");

/** An answer's sentence goes to standard output when all is well, else to standard error. */
function tell({ terminal, finish }: Door, { exit, message }: { readonly exit: ExitCode; readonly message: string }): void {
  (exit === 0 ? terminal.out : terminal.err)(`${message}\n`);
  finish(exit);
}

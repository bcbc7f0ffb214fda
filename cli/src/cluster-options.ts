/** What all commands on a cluster have: which cluster, which namespace. */
import { parseDuration } from '@parapet/policy';
import type { OperatedCluster, Operations } from '@parapet/reconciler';
import { Argument, InvalidArgumentError, Option } from 'commander';
import type { Command } from 'commander';
import type { Terminal } from './exit.ts';
import { kubeconfigOf } from './kubeconfig.ts';

export interface AccessFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly namespace?: string;
}

export function addClusterOptions(command: Command): Command {
  return command
    .addOption(
      new Option('-n, --namespace <name>', "the source's namespace (default: the context's, else parapet-system)").argParser(named),
    )
    .option('--kubeconfig <file>', 'how to reach the cluster (default: the files of KUBECONFIG, else ~/.kube/config)')
    .option('--context <name>', 'context in it (default: the current one)');
}

/** A command on one source. */
export function sourceCommand(program: Command, name: string, description: string): Command {
  return addClusterOptions(
    program.command(name).description(description).addArgument(new Argument('<name>', 'the source').argParser(named)),
  );
}

/** Does something in the cluster that the flags name. */
export async function withCluster(
  { env }: Terminal,
  flags: AccessFlags,
  work: (cluster: OperatedCluster, operations: Operations) => Promise<void>,
): Promise<void> {
  const { loadOperations } = await import('@parapet/reconciler');
  const operations = await loadOperations();
  const { context, namespace } = flags;
  const cluster = operations.openCluster({ kubeconfig: kubeconfigOf(flags.kubeconfig, env), context, namespace });
  try {
    await work(cluster, operations);
  } finally {
    await cluster.close();
  }
}

/** For names of namespaces and sources, which become parts of requests. */
export function named(text: string): string {
  if (/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/.test(text)) return text;
  throw new InvalidArgumentError('It is not a name: lower-case letters, digits, - and . only.');
}

/** For times; milliseconds. */
export function timed(text: string): number {
  const time = parseDuration(text);
  if (time !== undefined) return time;
  throw new InvalidArgumentError('It is not a time: write 500ms, 30s or 2m.');
}

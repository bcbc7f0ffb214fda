/** `parapet controller`: follows the PolicySources of a cluster; what `parapet install` runs there. */
import type { ClusterFlags } from '@parapet/reconciler';
import type { Command } from 'commander';
import { EXIT, harmless, listProblems } from './exit.ts';
import type { Door } from './exit.ts';
import { stopOnSignals } from './signals.ts';

const MORE = `
In a pod it needs no option: its account, its namespace (POD_NAMESPACE) and its name (POD_NAME) are there.
Only one of several replicas works at a time; the others take webhooks and wait.

Examples:
  parapet controller
  parapet controller --kubeconfig ~/.kube/config --namespace parapet-system --data /tmp/parapet --cluster staging --log text`;

export function addControllerCommand(program: Command, door: Door): void {
  program
    .command('controller')
    .description('follow the PolicySources of a cluster: synthesize each commit, validate it, apply its policies, report on the commit')
    .option('--kubeconfig <file>', "how to reach the cluster (default: the pod's service account)")
    .option('--namespace <name>', 'where the lease and what has to survive a restart are kept (default: parapet-system)')
    .option('--data <dir>', 'for mirrors of repositories and artifacts (default: /var/lib/parapet)')
    .option('--cluster <name>', 'name of this cluster in the contexts of commit statuses')
    .option('--operations <address>', 'where health and metrics are served, or off (default: :8080)')
    .option('--webhooks <address>', 'where webhooks of Git hosts are taken, or off (default: :9292)')
    .option('--artifacts <address>', 'where Flux fetches artifacts, or off (default: off)')
    .option('--artifacts-url <url>', 'by which Flux reaches that (default: http://parapet-artifacts.NAMESPACE.svc)')
    .option('--telemetry <dir>', 'recorded telemetry for what-if on pull requests')
    .option(
      '--packages <dir>',
      "package store, in the form of npm's cache, for the packages of lock files (default: PARAPET_PACKAGES, else none)",
    )
    .option('--local-repositories', "let PolicySources name repositories on this machine's disk: only where you trust whoever writes them")
    .option('--parallel <number>', 'sources that are carried out at one time (default: 4)')
    .option('--log <form>', 'json or text (default: json)')
    .addHelpText('after', MORE)
    .action((flags: ClusterFlags) => control(door, flags));
}

async function control({ terminal, finish }: Door, flags: ClusterFlags): Promise<void> {
  const [{ clusterConfig, createSynthesizer, loadController }, { libraryFolders }] = await Promise.all([
    import('@parapet/reconciler'),
    import('./library.ts'),
  ]);
  const { config, problems } = clusterConfig(terminal.env, flags);
  if (config === undefined) {
    listProblems(terminal, problems);
    return finish(EXIT.usage);
  }
  const { runClusterReconciler } = await loadController();
  const stop = stopOnSignals();
  try {
    const synthesizer = createSynthesizer({ library: { modules: libraryFolders() }, packages: config.packages, forMany: true });
    const ending = await runClusterReconciler(config, { signal: stop.signal, synthesizer, write: terminal.err });
    if (ending.failure !== undefined) terminal.err(`parapet: ${harmless(ending.failure)}\n`);
    finish(ending.exit);
  } finally {
    stop.close();
  }
}

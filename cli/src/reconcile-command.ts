/** `parapet reconcile`: from a Git repository to a target, with statuses on the commits; no cluster needed. */
import type { LogEvent, ReconcilerFlags } from '@parapet/reconciler';
import { Option } from 'commander';
import type { Command } from 'commander';
import { EXIT, harmless, listProblems } from './exit.ts';
import type { Door, Terminal } from './exit.ts';
import { stopOnSignals } from './signals.ts';

const MORE = `
The target is a directory: parapet agent run --policies TARGET --reports TARGET/reports enforces it and reports back.
Statuses are posted to GitHub where the environment names a repository and a token; without, they are only logged:
  PARAPET_GITHUB_REPOSITORY  owner/name                  PARAPET_GITHUB_TOKEN_FILE  file that holds the token (or PARAPET_GITHUB_TOKEN)
  PARAPET_GITHUB_API_URL     default api.github.com      PARAPET_STATUS_TARGET_URL  link of the statuses
  PARAPET_GIT_TOKEN_FILE     for a private repository (or PARAPET_GIT_TOKEN), with PARAPET_GIT_USERNAME

Examples:
  parapet reconcile --source https://github.com/you/policies.git --target /var/lib/parapet/target
  parapet reconcile --source file:///srv/policies.git --ref main --path clusters/a --target DIR --once
  parapet reconcile --config reconciler.yaml`;

export function addReconcileCommand(program: Command, door: Door): void {
  program
    .command('reconcile')
    .description('follow a Git repository: synthesize each commit, validate it, store its policies in a target, post commit statuses')
    .option('--source <url>', 'the repository: https, ssh, file or git URL, or a local path')
    .option('--ref <ref>', "branch, tag or full commit hash (default: the repository's default branch)")
    .option('--path <path>', 'folder of the program in the repository (default: .)')
    .option('--target <dir>', 'where policies are stored')
    .option(
      '--packages <dir>',
      "package store, in the form of npm's cache, for the packages of lock files (default: PARAPET_PACKAGES, else none)",
    )
    .option('--interval <time>', 'time between two questions to the repository (default: 5s)')
    .addOption(new Option('--once', 'carry out the newest commit and end').conflicts('interval'))
    .option('--allow-empty', 'a commit without policies removes all of them (default: it is refused)')
    .option('--config <file>', 'YAML file with these settings; flags count first, then the environment')
    .addHelpText('after', MORE)
    .action((flags: ReconcilerFlags) => reconcile(door, flags));
}

async function reconcile({ terminal, finish }: Door, flags: ReconcilerFlags): Promise<void> {
  const [{ configFromEnvironment, runReconciler }, { libraryFolders }] = await Promise.all([
    import('@parapet/reconciler'),
    import('./library.ts'),
  ]);
  const { config, problems } = configFromEnvironment(terminal.env, flags);
  if (config === undefined) {
    listProblems(terminal, problems);
    // A mistake in the configuration file is one in the input; one in flags or environment is one of usage.
    return finish(problems.some(({ place }) => place.file !== undefined) ? EXIT.problems : EXIT.usage);
  }
  const stop = stopOnSignals();
  try {
    const ending = await runReconciler(config, { signal: stop.signal, log: (event) => tell(terminal, event), library: libraryFolders() });
    listProblems(terminal, ending.problems);
    if (ending.failure !== undefined) terminal.err(`parapet: ${harmless(ending.failure)}\n`);
    finish(ending.exit);
  } finally {
    stop.close();
  }
}

/** `2026-01-02T03:04:05.678Z info status 0123456789ab parapet/synth success: …` */
function tell(terminal: Terminal, { level, stage, commit, context, state, message }: LogEvent): void {
  const where = [stage, commit?.slice(0, 12), context, state].filter((part) => part !== undefined).join(' ');
  terminal.err(`${new Date().toISOString()} ${level} ${where}: ${harmless(message)}\n`);
}

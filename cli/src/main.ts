/** `parapet`: the terminal door. Each command loads its room only when it runs, so that the agent carries no synthesizer. */
import { readFileSync } from 'node:fs';
import { Command, CommanderError } from 'commander';
import { addAgentCommands } from './agent-command.ts';
import { addCheckCommand } from './check-command.ts';
import { addControllerCommand } from './controller-command.ts';
import { addDiffCommand } from './diff-command.ts';
import { EXIT, explainFailure } from './exit.ts';
import type { Door, ExitCode, Terminal } from './exit.ts';
import { addGetCommand, addTreeCommand } from './get-command.ts';
import { addInstallCommand } from './install-command.ts';
import { addPrintCommand } from './print-command.ts';
import { addReconcileCommand } from './reconcile-command.ts';
import { addSuspendCommands, addSyncCommand } from './sync-command.ts';
import { addSynthCommand } from './synth-command.ts';
import { addWhatIfCommand } from './what-if-command.ts';

const terminalOfProcess: Terminal = {
  out: (text) => void process.stdout.write(text),
  err: (text) => void process.stderr.write(text),
  env: process.env,
};

/** Runs `parapet` with these arguments (without the program's own name) and returns its exit code; never throws. */
export async function main(args: readonly string[], terminal: Terminal = terminalOfProcess): Promise<ExitCode> {
  // A reader that went away (`parapet synth . | head`) is no failure.
  const onStdoutError = (error: NodeJS.ErrnoException): void => process.exit(error.code === 'EPIPE' ? EXIT.done : EXIT.failed);
  if (terminal === terminalOfProcess) process.stdout.on('error', onStdoutError);
  let code: ExitCode = EXIT.done;
  const program = makeProgram({
    terminal,
    finish: (result) => {
      code = result;
    },
  });
  try {
    await program.parseAsync(args, { from: 'user' });
    return code;
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    return explainFailure(terminal, error);
  }
}

function makeProgram({ terminal, finish }: Door): Command {
  const program = new Command('parapet')
    .description('Runtime security policies written in TypeScript, reviewed in Git, enforced in the kernel.')
    .version(version(), '-V, --version', 'print the version')
    .helpOption('-h, --help', 'print help')
    .exitOverride()
    .configureOutput({ writeOut: terminal.out, writeErr: terminal.err })
    .showHelpAfterError('(parapet --help says more)')
    .addHelpText('after', EXIT_CODES);
  const door = { terminal, finish };
  addSynthCommand(program, door);
  addCheckCommand(program, door);
  addWhatIfCommand(program, door);
  addReconcileCommand(program, door);
  addControllerCommand(program, door);
  addInstallCommand(program, door);
  addPrintCommand(program, door);
  addGetCommand(program, door);
  addTreeCommand(program, door);
  addDiffCommand(program, door);
  addSyncCommand(program, door);
  addSuspendCommands(program, door);
  addAgentCommands(program, door);
  return program;
}

const EXIT_CODES = `
Exit codes: 0 done, 1 the input has problems (all listed, with file and line), 2 wrong usage, 3 the world failed.`;

function version(): string {
  const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as { version: string };
  return version;
}

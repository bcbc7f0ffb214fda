/** `parapet sync`, `parapet suspend` and `parapet resume`: telling the reconciler what to do about a source. */
import type { OperatedCluster, Operations, RunAnswer, SourceView } from '@parapet/reconciler';
import { Option } from 'commander';
import type { Command } from 'commander';
import { sourceCommand, timed, withCluster } from './cluster-options.ts';
import type { AccessFlags } from './cluster-options.ts';
import { EXIT, harmless, listProblems } from './exit.ts';
import type { Door, Terminal } from './exit.ts';
import { packagesOf, withPackages } from './packages-option.ts';
import type { PackagesFlags } from './packages-option.ts';
import { conditionOf, messageOf, revisionText } from './source-table.ts';

const SYNC_MORE = `
Exit codes: 0 the run succeeded (or --no-wait), 1 it did not, or did not end in time, or the source is suspended, 2 wrong usage, 3 the world failed.

--confirm-prune lets the commit that was last tried remove more policies than spec.pruneLimit. What it would remove is shown first, from a clone
of the repository that has this commit.

Examples:
  parapet sync shop
  parapet sync shop --timeout 10m
  parapet sync shop --confirm-prune --clone ~/policies`;

const SUSPEND_MORE = `
What is applied stays in force; new commits are not looked at, and what somebody changes in the cluster is not put back.

Examples:
  parapet suspend shop
  parapet resume shop`;

interface WaitFlags {
  readonly wait: boolean;
  readonly timeout: number;
}

interface SyncFlags extends AccessFlags, WaitFlags, PackagesFlags {
  readonly confirmPrune?: true;
  readonly clone: string;
}

export function addSyncCommand(program: Command, door: Door): void {
  withPackages(addWaitOptions(sourceCommand(program, 'sync', 'ask the reconciler for a run at once, and wait for how it ends')))
    .option('--confirm-prune', 'let the last tried commit remove more policies than the limit')
    .option('--clone <dir>', 'for --confirm-prune: a clone of the repository', '.')
    .addHelpText('after', SYNC_MORE)
    .action((name: string, flags: SyncFlags) => onSource(door, { name, flags }, (asked) => sync(asked, flags)));
}

export function addSuspendCommands(program: Command, door: Door): void {
  sourceCommand(program, 'suspend', 'pause a PolicySource: what is applied stays')
    .addHelpText('after', SUSPEND_MORE)
    .action((name: string, flags: AccessFlags) => onSource(door, { name, flags }, suspend));
  addWaitOptions(sourceCommand(program, 'resume', 'end the pause of a PolicySource, and wait for how its run ends'))
    .addHelpText('after', SUSPEND_MORE)
    .action((name: string, flags: AccessFlags & WaitFlags) => onSource(door, { name, flags }, (asked) => resume(asked, flags)));
}

function addWaitOptions(command: Command): Command {
  return command
    .option('--wait', 'wait until the run has ended', true)
    .option('--no-wait', 'only ask for it')
    .addOption(new Option('--timeout <time>', 'how long to wait: 500ms, 30s, 2m').argParser(timed).default(120_000, '2m'));
}

interface Asked extends Door {
  readonly cluster: OperatedCluster;
  readonly operations: Operations;
  readonly source: SourceView;
}

function onSource(
  door: Door,
  { name, flags }: { readonly name: string; readonly flags: AccessFlags },
  work: (asked: Asked) => Promise<void>,
): Promise<void> {
  return withCluster(door.terminal, flags, async (cluster, operations) => {
    const source = await operations.findSource(cluster, { namespace: cluster.namespace, name });
    await work({ ...door, cluster, operations, source });
  });
}

async function sync(asked: Asked, flags: SyncFlags): Promise<void> {
  const { wait, timeout, confirmPrune, clone } = flags;
  const { cluster, operations, source } = asked;
  if (source.isSuspended) return tell(asked, { kind: 'suspended', source });
  const commit = confirmPrune === true ? await confirmed(asked, { clone, packages: packagesOf(flags, asked.terminal) }) : undefined;
  if (commit === 'none') return;
  const request = { patience: wait ? timeout : undefined, confirmPrune: commit };
  tell(asked, await operations.requestRun({ cluster, clock: operations.wallClock }, source, request));
}

/** The commit that may remove so much, once that was shown; `none` where it can't be, which was told. */
async function confirmed(
  { terminal, finish, cluster, operations, source }: Asked,
  { clone, packages }: { readonly clone: string; readonly packages: string | undefined },
): Promise<string | undefined> {
  const refuse = (sentence: string): string => {
    terminal.err(`${harmless(sentence)}\n`);
    finish(EXIT.problems);
    return 'none';
  };
  const attempted = source.status.lastAttemptedRevision ?? '';
  const [, commit] = /(?:^|[:@])([0-9a-f]{40}|[0-9a-f]{64})$/.exec(attempted) ?? [];
  if (commit === undefined) return refuse(`${nameOf(source)} has not tried any commit yet, so there is nothing to confirm`);
  const { libraryFolders } = await import('./library.ts');
  const library = libraryFolders();
  const result = await operations.diffConfirmed(cluster, source, { clone, commit, library, packages, environment: terminal.env });
  listProblems(terminal, result.problems);
  if (result.kind === 'refused') return refuse(`what ${commit.slice(0, 12)} would remove is not known, so nothing is confirmed`);
  const preview = operations.prunePreview(result.diff);
  terminal.out(operations.pruneText(preview));
  if (preview.removed.length > 0) return commit;
  if (preview.left.length > 0) return refuse('a confirmation would not change that, so none is given');
  terminal.err(`${commit.slice(0, 12)} would remove nothing, so there is nothing to confirm\n`);
  return undefined;
}

async function suspend(asked: Asked): Promise<void> {
  const { terminal, operations, cluster, source } = asked;
  if (source.isSuspended) return terminal.out(`${nameOf(source)} is suspended already\n`);
  const now = await operations.suspend({ cluster }, source);
  if (now === undefined) return tell(asked, { kind: 'gone' });
  terminal.out(`${nameOf(source)} is suspended; what is applied stays: ${revisionText(source.status.lastAppliedRevision)}\n`);
  warnOfOwners(asked);
}

async function resume(asked: Asked, { wait, timeout }: WaitFlags): Promise<void> {
  const { terminal, operations, cluster, source } = asked;
  if (!source.isSuspended) return terminal.out(`${nameOf(source)} is not suspended\n`);
  warnOfOwners(asked);
  tell(asked, await operations.resume({ cluster, clock: operations.wallClock }, source, { patience: wait ? timeout : undefined }));
}

/** Said of the source as it was before we wrote. */
function warnOfOwners({ terminal, operations, source }: Asked): void {
  const others = operations.putBackBy(source);
  if (others.length === 0) return;
  terminal.err(`warning: ${harmless(others.join(' and '))} wrote spec.suspend and may put it back: change it where that has it from\n`);
}

function tell(asked: Asked, answer: RunAnswer): void {
  const { terminal, finish, source } = asked;
  const no = (sentence: string): void => {
    terminal.err(`${harmless(sentence)}\n`);
    finish(EXIT.problems);
  };
  switch (answer.kind) {
    case 'asked':
      return terminal.out(`${nameOf(source)} is asked for a run\n`);
    case 'suspended':
      return no(`${nameOf(source)} is suspended, so there will be no run: parapet resume ${source.name} -n ${source.namespace}`);
    case 'gone':
      return no(`${nameOf(source)} was deleted`);
    case 'late':
      return no(`${nameOf(source)} has not answered in time; it says: ${messageOf(answer.source)}`);
    case 'answered':
      return ended(terminal, answer.source, no);
  }
}

function ended(terminal: Terminal, source: SourceView, no: (sentence: string) => void): void {
  const { status, lastAppliedRevision, lastAttemptedRevision } = { ...source.status, status: conditionOf(source, 'Ready') };
  if (status?.status === 'True') {
    terminal.out(harmless(`${nameOf(source)} is ready at ${revisionText(lastAppliedRevision)}: ${messageOf(source)}`).concat('\n'));
  } else
    no(`${nameOf(source)} is not ready at ${revisionText(lastAttemptedRevision)}: ${status?.reason ?? 'Unknown'}: ${messageOf(source)}`);
}

function nameOf({ namespace, name }: SourceView): string {
  return `PolicySource ${namespace}/${name}`;
}

/** `parapet what-if`: what a change of policies would have done to what was recorded. */
import { createReadStream } from 'node:fs';
import { DEFAULT_POSTURES, linesOf, MAX_TELEMETRY_LINE, readTelemetryLine, WhatIf } from '@parapet/policy';
import type { PolicySet, Posture, Problem } from '@parapet/policy';
import { Option } from 'commander';
import type { Command } from 'commander';
import { EXIT, listProblems } from './exit.ts';
import type { Door } from './exit.ts';
import { packagesOf, withPackages } from './packages-option.ts';
import type { PackagesFlags } from './packages-option.ts';

const MORE = `
Telemetry is alerts and logs with KubeArmor's field names, a JSON object a line, as parapet agent run --alerts FILE, KubeArmor and
karmor logs --json write them. An access is undecidable where a record does not say what its fate hangs on, with the reason; a file is
taken to be where its path says, since records do not tell of other names. Lines that are no record are listed and passed over.

Exit codes: 0 nothing would newly be blocked, 1 something would be, or the input has problems.

Examples:
  parapet what-if --before policies/ --after new-policies/ --telemetry /var/log/parapet.jsonl
  parapet what-if --after . --telemetry a.jsonl b.jsonl -o json     a program instead of manifests; before it: no policies
  kubectl exec … -- cat alerts.jsonl | parapet what-if --before old.yaml --after new.yaml --telemetry -`;

interface Flags extends PackagesFlags {
  readonly before?: string;
  readonly after: string;
  readonly telemetry: readonly string[];
  readonly output: 'table' | 'json';
  readonly defaultPosture?: Posture;
}

export function addWhatIfCommand(program: Command, door: Door): void {
  withPackages(
    program
      .command('what-if')
      .description('replay recorded telemetry: what would these policies have blocked or audited that others did not?'),
  )
    .option('--before <dir|file>', 'manifests, or the folder of a policy program (default: no policies)')
    .requiredOption('--after <dir|file>', 'the same for the policies that are to come')
    .requiredOption('--telemetry <file...>', 'files of alerts and logs, a JSON object a line; - is standard input')
    .addOption(new Option('-o, --output <format>', 'how to print').choices(['table', 'json']).default('table'))
    .addOption(
      new Option(
        '--default-posture <posture>',
        'what an allow-list does not name, where its namespace says nothing (default: audit)',
      ).choices(['audit', 'block']),
    )
    .addHelpText('after', MORE)
    .action((flags: Flags) => whatIf(door, flags));
}

async function whatIf({ terminal, finish }: Door, flags: Flags): Promise<void> {
  const [{ readPolicySet }, { whatIfJson, whatIfTable }] = await Promise.all([import('./policy-set.ts'), import('./what-if-table.ts')]);
  const none = { set: { policies: [] }, problems: [] };
  const read = (place: string) => readPolicySet(place, packagesOf(flags, terminal));
  const [before, after] = [flags.before === undefined ? none : await read(flags.before), await read(flags.after)];
  if (listProblems(terminal, [...before.problems, ...after.problems])) return finish(EXIT.problems);
  const replay = new WhatIf({ before: withPosture(before.set, flags), after: withPosture(after.set, flags) });
  const problems = (await Promise.all(flags.telemetry.map((file) => replayFile(file, replay)))).flat();
  if (listProblems(terminal, problems)) return finish(EXIT.problems);
  const summary = replay.summary();
  terminal.out(flags.output === 'json' ? whatIfJson(summary) : whatIfTable(summary));
  finish(summary.counts['would-block'] > 0 ? EXIT.problems : EXIT.done);
}

function withPosture(set: PolicySet, { defaultPosture }: Flags): PolicySet {
  if (defaultPosture === undefined) return { ...set, postures: DEFAULT_POSTURES };
  return { ...set, postures: { file: defaultPosture, network: defaultPosture, capabilities: defaultPosture } };
}

/** Lines that are told one by one. */
const MAX_LISTED = 20;

/** Replays a file; what is wrong with its lines. */
async function replayFile(file: string, replay: WhatIf): Promise<readonly Problem[]> {
  const name = file === '-' ? 'stdin' : file;
  const input = file === '-' ? process.stdin : createReadStream(file);
  input.setEncoding('utf8');
  const problems: Problem[] = [];
  let [records, bad] = [0, 0];
  try {
    for await (const { text, number } of linesOf(input as AsyncIterable<string>, MAX_TELEMETRY_LINE)) {
      if (text.trim() === '') continue;
      const result = replay.addReading(readTelemetryLine(text));
      if (!('fault' in result)) {
        records += 1;
        continue;
      }
      bad += 1;
      if (bad <= MAX_LISTED) problems.push(warning(result.fault, { file: name, line: number }));
    }
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === undefined) throw error;
    const message = code === 'ENOENT' ? 'there is no such file or directory' : `cannot be read: ${code}`;
    return [{ code: 'file-unreadable', severity: 'error', place: { file: name }, message }];
  }
  if (bad > MAX_LISTED) problems.push(warning(`${bad - MAX_LISTED} more lines are no records`, { file: name }));
  return records === 0 && bad > 0 ? [...problems, noRecords(name)] : problems;
}

function warning(message: string, place: Problem['place']): Problem {
  return { code: 'telemetry-unreadable', severity: 'warning', place, message };
}

function noRecords(file: string): Problem {
  const hint = 'give a file with a JSON object on each line';
  return { code: 'telemetry-unreadable', severity: 'error', place: { file }, message: 'no line of it is a record', hint };
}

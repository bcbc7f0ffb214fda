/** `parapet check`: are these manifests what an agent would accept? */
import { compile, DEFAULT_POSTURES, parsePolicies } from '@parapet/policy';
import type { Command } from 'commander';
import { EXIT, listProblems } from './exit.ts';
import type { Door } from './exit.ts';

const EXAMPLES = `
Examples:
  parapet check policies/                      every .yaml, .yml and .json below
  parapet check a.yaml b.yaml
  parapet synth . | parapet check -            what a program makes, from standard input`;

export function addCheckCommand(program: Command, { terminal, finish }: Door): void {
  program
    .command('check')
    .description('validate manifests and try to compile them for the kernel; lists all problems with file and line')
    .argument('<file|dir...>', 'YAML or JSON files, directories of them, or - for standard input')
    .addHelpText('after', EXAMPLES)
    .action(async (places: string[]) => {
      const { readManifests } = await import('./manifest-files.ts');
      const read = await readManifests(places);
      const { policies, problems } = parsePolicies(read.manifests);
      const uncompilable = policies.flatMap((policy) => compile([policy], DEFAULT_POSTURES).problems);
      if (listProblems(terminal, [...read.problems, ...problems, ...uncompilable])) return finish(EXIT.problems);
      terminal.out(`${policies.length} ${policies.length === 1 ? 'policy' : 'policies'}, no problems\n`);
    });
}

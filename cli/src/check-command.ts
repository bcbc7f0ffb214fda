/** `parapet check`: are these manifests what an agent would accept? */
import type { Command } from 'commander';
import { EXIT, listProblems } from './exit.ts';
import type { Door } from './exit.ts';

const EXAMPLES = `
Examples:
  parapet check policies/             every .yaml, .yml and .json file below
  parapet check a.yaml b.yaml
  parapet synth . | parapet check -   standard input`;

export function addCheckCommand(program: Command, { terminal, finish }: Door): void {
  program
    .command('check')
    .description('validate manifests and try to compile them for the kernel; lists all problems with file and line')
    .argument('<file|dir...>', 'YAML or JSON files, directories of them, or - for standard input')
    .addHelpText('after', EXAMPLES)
    .action(async (places: string[]) => {
      const [{ readManifests }, { countPolicies, validate }] = await Promise.all([import('./manifest-files.ts'), import('./validate.ts')]);
      const read = await readManifests(places);
      const { policies, problems } = validate(read.manifests);
      if (listProblems(terminal, [...read.problems, ...problems])) return finish(EXIT.problems);
      terminal.out(`${countPolicies(policies)}, no problems\n`);
    });
}

/** `parapet synth`: a policy program's manifests, from the hermetic sandbox. */
import { resolve } from 'node:path';
import type { Manifest } from '@parapet/policy';
import type { SynthManifest } from '@parapet/reconciler';
import type { Command } from 'commander';
import { EXIT, listProblems } from './exit.ts';
import type { Door } from './exit.ts';

const EXAMPLES = `
The program runs without network, environment, clock and files but its own. cdk8s, constructs and @parapet/sdk come with parapet
where DIR brings none.

Examples:
  parapet synth .                         print the manifests
  parapet synth policies --out /tmp/out   write them; files of an earlier run that are no longer made are removed`;

export function addSynthCommand(program: Command, door: Door): void {
  program
    .command('synth')
    .description("run a policy program in the sandbox; prints its manifests, or lists all problems with the author's file and line")
    .argument('<dir>', 'folder of the program: main.ts, or what its cdk8s.yaml names')
    .option('--out <dir>', 'write the manifests to this folder instead')
    .addHelpText('after', EXAMPLES)
    .action((directory: string, { out }: { out?: string }) => synth(door, { directory: resolve(directory), out }));
}

async function synth({ terminal, finish }: Door, { directory, out }: { directory: string; out: string | undefined }): Promise<void> {
  const [{ createSynthesizer }, { libraryFolders }, { countPolicies, validate }, { stringify }] = await Promise.all([
    import('@parapet/reconciler'),
    import('./library.ts'),
    import('./validate.ts'),
    import('yaml'),
  ]);
  const result = await createSynthesizer({ library: { modules: libraryFolders() } }).synth({ directory });
  const { policies, problems } = validate(result.manifests.map(inTheProgram));
  if (listProblems(terminal, [...result.problems, ...problems])) return finish(EXIT.problems);
  const files = new Map<string, string[]>();
  for (const { file, value } of result.manifests) files.set(file, [...(files.get(file) ?? []), stringify(value, { lineWidth: 0 })]);
  if (out === undefined) return terminal.out([...files.values()].flat().join('---\n'));
  const { OutsideError, writeFolder } = await import('./output-folder.ts');
  try {
    await writeFolder(out, new Map([...files].map(([file, documents]) => [file, documents.join('---\n')])));
  } catch (error) {
    if (!(error instanceof OutsideError)) throw error;
    listProblems(terminal, [{ code: 'program-output', severity: 'error', place: {}, message: error.message }]);
    return finish(EXIT.problems);
  }
  terminal.err(`${countPolicies(policies)} in ${out}\n`);
}

/** Authors know their program, not the manifests it makes: problems name the program's lines where they are known. */
function inTheProgram({ value, file, source, lineOf }: SynthManifest): Manifest {
  const [, program, line] = /^(.+):(\d+)$/.exec(source ?? '') ?? [];
  return { value, file: program ?? file, lineOf: (path) => lineOf?.([...path]) ?? (line === undefined ? undefined : Number(line)) };
}

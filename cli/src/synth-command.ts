/** `parapet synth`: a policy program's manifests, from the hermetic sandbox. */
import { stat } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { Manifest, Problem } from '@parapet/policy';
import type { SynthManifest } from '@parapet/reconciler';
import { Option } from 'commander';
import type { Command } from 'commander';
import { EXIT, listProblems } from './exit.ts';
import type { Door } from './exit.ts';
import { packagesOf, withPackages } from './packages-option.ts';
import type { PackagesFlags } from './packages-option.ts';

const EXAMPLES = `
The program runs without network, environment, clock and files but its own. cdk8s, constructs and @parapet/sdk come with parapet
where DIR brings none.

Examples:
  parapet synth .                         print the manifests
  parapet synth policies --out /tmp/out   write them; files of an earlier run that are no longer made are removed
  parapet synth . --stdout --require-objects   as a plugin of Argo CD: see parapet print argocd-plugin`;

interface SynthFlags extends PackagesFlags {
  readonly out?: string;
  readonly stdout?: boolean;
  readonly requireObjects?: boolean;
}

const NOTHING: Problem = {
  code: 'empty-result',
  severity: 'error',
  place: {},
  message: 'the program makes no policies: whoever applies its output would remove all that are there',
  hint: 'call app.synth(), or leave out --require-objects',
};

export function addSynthCommand(program: Command, door: Door): void {
  withPackages(
    program
      .command('synth')
      .description("run a policy program in the sandbox; prints its manifests, or lists all problems with the author's file and line"),
  )
    .argument('<dir>', 'folder of the program: main.ts, or what its cdk8s.yaml names')
    .option('--out <dir>', 'write the manifests to this folder instead')
    .addOption(
      new Option(
        '--stdout',
        'print them with the repository and commit they are from, as Argo CD tells them in ARGOCD_APP_SOURCE_REPO_URL and ARGOCD_APP_REVISION',
      ).conflicts('out'),
    )
    .option('--require-objects', 'a program that makes no manifest is a problem')
    .addHelpText('after', EXAMPLES)
    .action((directory: string, flags: SynthFlags) => synth(door, resolve(directory), flags));
}

async function synth({ terminal, finish }: Door, directory: string, flags: SynthFlags): Promise<void> {
  const { out, stdout, requireObjects } = flags;
  const [{ argocdProvenance, createSynthesizer, renderFiles, stamp }, { libraryFolders }, { countPolicies, validate }] = await Promise.all([
    import('@parapet/reconciler'),
    import('./library.ts'),
    import('./validate.ts'),
  ]);
  if (!(await isDirectory(directory))) {
    const message = 'there is no such directory';
    listProblems(terminal, [{ code: 'path-not-found', severity: 'error', place: { file: directory }, message }]);
    return finish(EXIT.problems);
  }
  const packages = packagesOf(flags, terminal);
  const result = await createSynthesizer({ library: { modules: libraryFolders() }, packages }).synth({ directory });
  const { policies, problems } = validate(result.manifests.map(inTheProgram));
  if (listProblems(terminal, [...result.problems, ...problems])) return finish(EXIT.problems);
  if (requireObjects === true && result.manifests.length === 0) {
    listProblems(terminal, [NOTHING]);
    return finish(EXIT.problems);
  }
  const from = stdout === true ? argocdProvenance(terminal.env) : undefined;
  const manifests = from === undefined ? result.manifests : result.manifests.map((each) => ({ ...each, value: stamp(each.value, from) }));
  const files = renderFiles(manifests);
  if (out === undefined) return terminal.out([...files.values()].join('---\n'));
  const { OutsideError, writeFolder } = await import('./output-folder.ts');
  try {
    await writeFolder(out, files);
  } catch (error) {
    if (!(error instanceof OutsideError)) throw error;
    listProblems(terminal, [{ code: 'program-output', severity: 'error', place: {}, message: error.message }]);
    return finish(EXIT.problems);
  }
  terminal.err(`${countPolicies(policies)} in ${out}\n`);
}

async function isDirectory(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isDirectory();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOENT' || code === 'ENOTDIR') return false;
    throw error;
  }
}

/** Authors know their program, not the manifests it makes: problems name the program's lines where they are known. */
export function inTheProgram(manifest: SynthManifest): Manifest {
  const [, program, line] = /^(.+):(\d+)$/.exec(manifest.source ?? '') ?? [];
  const known = line === undefined ? undefined : Number(line);
  return { value: manifest.value, file: program ?? manifest.file, lineOf: (path) => manifest.lineOf?.([...path]) ?? known };
}

/** `parapet diff`: what a program would change in the cluster. */
import type { Command } from 'commander';
import { sourceCommand, withCluster } from './cluster-options.ts';
import type { AccessFlags } from './cluster-options.ts';
import { EXIT, harmless, listProblems } from './exit.ts';
import type { Door } from './exit.ts';
import { packagesOf, withPackages } from './packages-option.ts';
import type { PackagesFlags } from './packages-option.ts';

const MORE = `
The program runs in the sandbox and is judged by the source's rules (spec.allow, spec.targetNamespace), then planned against the policies in
the cluster. The API server is asked what it would store, as you and without storing it, where you have the right to. Nothing is written.

Exit codes: 0 no changes, 1 changes, 2 wrong usage, 3 the world failed, 4 the input has problems (what can be done without is shown all the same).

Examples:
  parapet diff shop                      the program in this folder, as the source shop
  parapet diff shop --path clusters/a`;

export function addDiffCommand(program: Command, { terminal, finish }: Door): void {
  withPackages(
    sourceCommand(program, 'diff', 'show what the policy program in a folder would change in the cluster, and what it would remove'),
  )
    .option('--path <dir>', 'folder of the program', '.')
    .addHelpText('after', MORE)
    .action(async (name: string, { path, ...flags }: AccessFlags & PackagesFlags & { readonly path: string }) =>
      withCluster(terminal, flags, async (cluster, operations) => {
        const { libraryFolders } = await import('./library.ts');
        const source = await operations.findSource(cluster, { namespace: cluster.namespace, name });
        const result = await operations.diffFolder(cluster, source, {
          directory: path,
          library: libraryFolders(),
          packages: packagesOf(flags, terminal),
        });
        const isRefused = listProblems(terminal, result.problems);
        if (result.kind === 'refused') return finish(EXIT.refused);
        for (const right of result.untried) {
          terminal.err(`not tried out, so what the API server would make of it is not known: you lack the right to ${harmless(right)}\n`);
        }
        terminal.out(operations.diffText(result.diff));
        if (isRefused) return finish(EXIT.refused);
        finish(result.changes ? EXIT.problems : EXIT.done);
      }),
    );
}

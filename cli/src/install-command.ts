/** `parapet install`: what a cluster needs for the reconciler, as YAML on standard output. It is applied by kubectl, or by whatever applies the rest. */
import type { Command } from 'commander';
import { EXIT, listProblems } from './exit.ts';
import type { Door } from './exit.ts';

const EXAMPLES = `
Secrets are read where sources are, and nowhere else: name those namespaces with --source-namespace.

Examples:
  parapet install | kubectl apply --server-side -f -
  parapet install --crds-only | kubectl apply --server-side -f -
  parapet install --namespace security --source-namespace shop --source-namespace bank > parapet.yaml`;

interface InstallFlags {
  readonly namespace?: string;
  readonly image?: string;
  readonly sourceNamespace: readonly string[];
  readonly impersonation?: boolean;
  readonly flux?: boolean;
  readonly packagesClaim?: string;
  readonly crdsOnly?: boolean;
}

export function addInstallCommand(program: Command, { terminal, finish }: Door): void {
  program
    .command('install')
    .description('print the YAML that installs the reconciler and the definitions of its kinds into a cluster')
    .option('--namespace <name>', 'where the reconciler runs (default: parapet-system)')
    .option('--image <image>', 'image of the reconciler (default: parapet, with the tag of this version)')
    .option('--source-namespace <name>', 'where PolicySources are, also several times (default: the same namespace)', collect, [])
    .option('--impersonation', 'let sources write as an account of their namespace (serviceAccountName)')
    .option('--flux', 'let sources be delivered as Flux ExternalArtifacts')
    .option('--packages-claim <name>', 'PersistentVolumeClaim that holds the package store (default: there is none)')
    .option('--crds-only', 'print the definitions of the kinds only')
    .addHelpText('after', EXAMPLES)
    .action(async (flags: InstallFlags) => {
      const { checkInstall, DEFAULT_NAMESPACE, renderDefinitions, renderInstall } = await import('@parapet/reconciler');
      if (flags.crdsOnly === true) return terminal.out(renderDefinitions());
      const namespace = flags.namespace ?? DEFAULT_NAMESPACE;
      const options = {
        namespace,
        image: flags.image ?? `parapet:${program.version() ?? 'latest'}`,
        sourceNamespaces: flags.sourceNamespace.length === 0 ? [namespace] : [...new Set(flags.sourceNamespace)],
        impersonation: flags.impersonation === true,
        flux: flags.flux === true,
        packagesClaim: flags.packagesClaim,
      };
      if (listProblems(terminal, checkInstall(options))) return finish(EXIT.usage);
      terminal.out(renderInstall(options));
    });
}

function collect(one: string, before: readonly string[]): readonly string[] {
  return [...before, one];
}

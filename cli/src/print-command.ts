/** `parapet print`: files that Argo CD and Flux need to know us. */
import { Argument } from 'commander';
import type { Command } from 'commander';
import type { Door } from './exit.ts';

/** Kept here too, so that help needs no other room; a test holds them to what there is. */
const WHAT = [
  'argocd-plugin',
  'argocd-containerfile',
  'argocd-sidecar',
  'argocd-health',
  'argocd-exclusions',
  'flux-health',
  'flux-admission',
] as const;

const MORE = `
  argocd-plugin         plugin.yaml of the config management plugin, which runs parapet synth
  argocd-containerfile  Containerfile of the plugin's image
  argocd-sidecar        patch for the Deployment argocd-repo-server
  argocd-health         health of our kinds in Lua, to merge into the ConfigMap argocd-cm
  argocd-exclusions     items for resource.exclusions of argocd-cm
  flux-health           healthCheckExprs for a Kustomization
  flux-admission        policy on who may write ExternalArtifacts of PolicySources

Examples:
  parapet print argocd-health > health.yaml && kubectl patch configmap argocd-cm -n argocd --patch-file health.yaml
  parapet print argocd-sidecar --image registry/parapet-argocd:1 > patch.yaml
  parapet print flux-admission | kubectl apply -f -`;

interface PrintFlags {
  readonly argocdNamespace?: string;
  readonly image?: string;
  readonly namespace?: string;
  readonly serviceAccount?: string;
  readonly artifactUrl?: string;
}

export function addPrintCommand(program: Command, { terminal }: Door): void {
  program
    .command('print')
    .description('print a file for Argo CD or Flux')
    .addArgument(new Argument('<what>', 'which file').choices([...WHAT]))
    .option('--argocd-namespace <name>', 'namespace of Argo CD (default: argocd)')
    .option('--image <image>', 'image of the plugin (default: parapet-argocd:latest)')
    .option('--namespace <name>', "namespace of Parapet's reconciler (default: parapet-system)")
    .option('--service-account <name>', 'its ServiceAccount (default: parapet-reconciler)')
    .option('--artifact-url <url>', 'where it serves artifacts (default: http://parapet-artifacts.NAMESPACE.svc.cluster.local./)')
    .addHelpText('after', MORE)
    .action(async (what: (typeof WHAT)[number], flags: PrintFlags) => {
      const { PRINT_DEFAULTS, PRINTED } = await import('@parapet/reconciler');
      const namespace = flags.namespace ?? PRINT_DEFAULTS.namespace;
      const artifactUrl = `http://parapet-artifacts.${namespace}.svc.cluster.local./`;
      terminal.out(PRINTED[what].text({ ...PRINT_DEFAULTS, artifactUrl, ...flags }));
    });
}

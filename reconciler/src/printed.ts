/** What `parapet print` prints: files for Argo CD and Flux. */
import { stringify } from 'yaml';
import { exclusions, healthConfigMap } from './argocd/health.ts';
import { containerfile, pluginConfig, sidecarPatch } from './argocd/plugin.ts';
import { fluxHealthChecks } from './flux-health.ts';
import { fluxAdmission } from './install-flux.ts';

export interface PrintSettings {
  /** Of Argo CD. */
  readonly argocdNamespace: string;
  /** Of the plugin. */
  readonly image: string;
  /** Of the reconciler. */
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Where the reconciler serves artifacts, as Flux reaches it. */
  readonly artifactUrl: string;
}

export const PRINT_DEFAULTS: PrintSettings = {
  argocdNamespace: 'argocd',
  image: 'parapet-argocd:latest',
  namespace: 'parapet-system',
  serviceAccount: 'parapet-reconciler',
  artifactUrl: 'http://parapet-artifacts.parapet-system.svc.cluster.local./',
};

interface Printed {
  readonly description: string;
  readonly text: (settings: PrintSettings) => string;
}

export const PRINTED = {
  'argocd-plugin': { description: 'plugin.yaml of the config management plugin', text: () => yaml(pluginConfig()) },
  'argocd-containerfile': { description: 'Containerfile of its image', text: containerfile },
  'argocd-sidecar': {
    description: 'patch for the Deployment argocd-repo-server',
    text: ({ argocdNamespace: namespace, image }) => yaml(sidecarPatch({ namespace, image })),
  },
  'argocd-health': {
    description: 'health of our kinds, to merge into the ConfigMap argocd-cm',
    text: ({ argocdNamespace }) => yaml(healthConfigMap(argocdNamespace)),
  },
  'argocd-exclusions': { description: 'items for resource.exclusions of argocd-cm', text: () => yaml(exclusions()) },
  'flux-health': {
    description: 'healthCheckExprs for a Kustomization',
    text: () => yaml({ healthCheckExprs: fluxHealthChecks() }),
  },
  'flux-admission': {
    description: 'policy on who may write ExternalArtifacts',
    text: ({ namespace, serviceAccount, artifactUrl }) =>
      fluxAdmission({ namespace, serviceAccount, baseUrl: artifactUrl }).map(yaml).join('---\n'),
  },
} as const satisfies Readonly<Record<string, Printed>>;

/** Plain where any reader takes it for the same text, so that people can read it. */
function yaml(value: unknown): string {
  return stringify(value, { lineWidth: 0, compat: 'yaml-1.1', aliasDuplicateObjects: false });
}

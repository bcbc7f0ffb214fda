/** Parapet as a config management plugin of Argo CD: what its image must be, and how argocd-repo-server gets it as a sidecar. */

/** As the repo-server's users have it; the shared volumes belong to it. */
const UID = 999;
const SERVER = '/var/run/argocd/argocd-cmp-server';
const CONFIG = '/home/argocd/cmp-server/config/plugin.yaml';

/**
 * `plugin.yaml`. It is no object of the cluster. Applications without a plugin of their own are matched by what their folder imports: a
 * `cdk8s.yaml` has every cdk8s program. The command must end well where nothing is found, since a failure is an error.
 */
export function pluginConfig(): object {
  return {
    apiVersion: 'argoproj.io/v1alpha1',
    kind: 'ConfigManagementPlugin',
    metadata: { name: 'parapet' },
    spec: {
      discover: {
        find: { command: ['sh', '-c', "grep -rls --include='*.ts' --exclude-dir=node_modules -e '@parapet/sdk' . || true"] },
      },
      // Without an object on its output, Argo CD would remove all policies: that is an error instead.
      generate: { command: ['parapet'], args: ['synth', '.', '--stdout', '--require-objects'] },
      preserveFileMode: false,
      provideGitCreds: false,
    },
  };
}

/** The plugin's image on top of any that has `parapet`, `sh` and `grep`; `plugin.yaml` beside it. */
export function containerfile(): string {
  return `# An image with parapet in its PATH.
ARG PARAPET=parapet:latest
FROM \${PARAPET}
COPY plugin.yaml ${CONFIG}
# Everything that is written is written below /tmp.
ENV HOME=/tmp
USER ${UID}
# argocd-cmp-server is Argo CD's own: the repo-server copies it to a volume that both mount.
ENTRYPOINT ["${SERVER}"]
`;
}

/** Strategic merge patch for the Deployment `argocd-repo-server`. */
export function sidecarPatch({ namespace, image }: { readonly namespace: string; readonly image: string }): object {
  const container = {
    name: 'parapet',
    image,
    command: [SERVER],
    env: [{ name: 'HOME', value: '/tmp' }],
    securityContext: {
      runAsNonRoot: true,
      runAsUser: UID,
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '1Gi' } },
    volumeMounts: [
      { name: 'var-files', mountPath: '/var/run/argocd' },
      { name: 'plugins', mountPath: '/home/argocd/cmp-server/plugins' },
      // Never the repo-server's own: it holds the checkouts of all Applications.
      { name: 'parapet-tmp', mountPath: '/tmp' },
    ],
  };
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name: 'argocd-repo-server', namespace },
    spec: { template: { spec: { containers: [container], volumes: [{ name: 'parapet-tmp', emptyDir: { sizeLimit: '1Gi' } }] } } },
  };
}

/** A cluster that knows Flux's ExternalArtifact, and an account that may write it as the reconciler's would. */
import type { ApiObject, ApiObjectName } from '../../../reconciler/src/api-object.ts';
import { fluxAdmission } from '../../../reconciler/src/install-flux.ts';
import type { ObjectWriter } from '../../../reconciler/src/ports.ts';
import { ControlPlane } from '../../support/cluster/control-plane.ts';
import { EXTERNAL_ARTIFACT } from '../../support/flux/definition.ts';

export const INSTALL = {
  namespace: 'parapet-system',
  serviceAccount: 'parapet-reconciler',
  baseUrl: 'http://parapet-artifacts.parapet-system.svc.cluster.local./',
};

/** Writes as the holder of a kubeconfig, with the server's own answers. */
export class KubectlWriter implements ObjectWriter {
  readonly #plane: ControlPlane;
  readonly #kubeconfig: string | undefined;
  /** How often something was applied. */
  applied = 0;

  constructor(plane: ControlPlane, kubeconfig?: string) {
    this.#plane = plane;
    this.#kubeconfig = kubeconfig;
  }

  async read({ kind, namespace, name }: ApiObjectName): Promise<ApiObject | undefined> {
    const text = await this.#run(['get', kind, name, '--namespace', namespace, '--ignore-not-found', '-o', 'json']);
    return text === '' ? undefined : (JSON.parse(text) as ApiObject);
  }

  async apply(object: ApiObject, { subresource }: { readonly subresource?: 'status' } = {}): Promise<ApiObject> {
    this.applied += 1;
    const part = subresource === undefined ? [] : [`--subresource=${subresource}`];
    const args = ['apply', '--server-side', '--field-manager=parapet', '--validate=strict', ...part, '-f', '-', '-o', 'json'];
    return JSON.parse(await this.#run(args, JSON.stringify(object))) as ApiObject;
  }

  async #run(args: readonly string[], input = ''): Promise<string> {
    const options = this.#kubeconfig === undefined ? {} : { kubeconfig: this.#kubeconfig };
    const { status, stdout, stderr } = await this.#plane.kubectl(args, { input, ...options });
    if (status !== 0) throw new Error(stderr);
    return stdout;
  }
}

export interface FluxCluster {
  readonly plane: ControlPlane;
  /** As the reconciler. */
  readonly us: KubectlWriter;
  /** As the administrator of the cluster, whom no role binds. */
  readonly admin: KubectlWriter;
}

/** With the admission policy in force. */
export async function startFluxCluster(): Promise<FluxCluster> {
  const plane = await ControlPlane.start();
  const namespaces = ['parapet-system', 'shop'].map((name) => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name } }));
  await plane.apply([EXTERNAL_ARTIFACT, ...namespaces]);
  const rules = [
    { apiGroups: ['source.toolkit.fluxcd.io'], resources: ['externalartifacts'], verbs: ['get', 'create', 'patch', 'list', 'watch'] },
    { apiGroups: ['source.toolkit.fluxcd.io'], resources: ['externalartifacts/status'], verbs: ['patch'] },
  ];
  const account = { kind: 'ServiceAccount', name: INSTALL.serviceAccount, namespace: INSTALL.namespace };
  const rbac = 'rbac.authorization.k8s.io';
  await plane.apply([
    { apiVersion: 'v1', kind: 'ServiceAccount', metadata: { name: account.name, namespace: account.namespace } },
    { apiVersion: `${rbac}/v1`, kind: 'ClusterRole', metadata: { name: 'artifacts' }, rules },
    {
      apiVersion: `${rbac}/v1`,
      kind: 'ClusterRoleBinding',
      metadata: { name: 'artifacts' },
      roleRef: { apiGroup: rbac, kind: 'ClusterRole', name: 'artifacts' },
      subjects: [account],
    },
  ]);
  await plane.must(['wait', '--for=condition=Established', 'crd/externalartifacts.source.toolkit.fluxcd.io']);
  await plane.apply(fluxAdmission(INSTALL));
  const us = new KubectlWriter(plane, plane.kubeconfig(await plane.token(account.namespace, account.name)));
  return { plane, us, admin: new KubectlWriter(plane) };
}

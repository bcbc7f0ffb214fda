/** Where the API server keeps each kind. */
import type { PolicyKind, PolicyRef } from '@parapet/policy';

interface Kind {
  readonly group: string;
  readonly plural: string;
  readonly namespaced: boolean;
}

const POLICIES: Readonly<Record<PolicyKind, Kind>> = {
  KubeArmorPolicy: { group: 'security.kubearmor.com/v1', plural: 'kubearmorpolicies', namespaced: true },
  KubeArmorClusterPolicy: { group: 'security.kubearmor.com/v1', plural: 'kubearmorclusterpolicies', namespaced: false },
  KubeArmorHostPolicy: { group: 'security.kubearmor.com/v1', plural: 'kubearmorhostpolicies', namespaced: false },
};

/** Path of all policies of a kind. */
export function policiesPath(kind: PolicyKind): string {
  return `/apis/${POLICIES[kind].group}/${POLICIES[kind].plural}`;
}

/** Path of one policy. */
export function policyPath({ kind, namespace, name }: PolicyRef): string {
  const { group, plural, namespaced } = POLICIES[kind];
  const within = namespaced ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `/apis/${group}${within}/${plural}/${encodeURIComponent(name)}`;
}

const OURS = '/apis/parapet.dev/v1alpha1';

export const SOURCES_PATH = `${OURS}/policysources`;
export const REPORTS_PATH = `${OURS}/nodereports`;

/** Path of one PolicySource. */
export function sourcePath({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${OURS}/namespaces/${encodeURIComponent(namespace)}/policysources/${encodeURIComponent(name)}`;
}

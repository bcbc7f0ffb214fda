/** Where the API server keeps each kind. */
import type { PolicyKind, PolicyRef } from '@parapet/policy';
import type { ApiObjectName } from '../../api-object.ts';
import { StageError } from '../../stage-error.ts';

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

/** Path of all policies of a kind, or of those in one namespace. */
export function policiesPath(kind: PolicyKind, namespace = ''): string {
  const { group, plural } = POLICIES[kind];
  return `/apis/${group}${namespace === '' ? '' : `/namespaces/${encodeURIComponent(namespace)}`}/${plural}`;
}

/** What every policy of the kind says, whatever an item of a list leaves out. */
export function policyVersion(kind: PolicyKind): string {
  return POLICIES[kind].group;
}

/** Path of one policy. */
export function policyPath({ kind, namespace, name }: PolicyRef): string {
  const { group, plural, namespaced } = POLICIES[kind];
  const within = namespaced ? `/namespaces/${encodeURIComponent(namespace)}` : '';
  return `/apis/${group}${within}/${plural}/${encodeURIComponent(name)}`;
}

/** What rights on policies of a kind are about. */
export function policyResource(kind: PolicyKind): { readonly group: string; readonly resource: string } {
  const { group, plural } = POLICIES[kind];
  return { group: group.replace(/\/.*$/, ''), resource: plural };
}

const OURS = '/apis/parapet.dev/v1alpha1';

export const SOURCES_PATH = `${OURS}/policysources`;
export const REPORTS_PATH = `${OURS}/nodereports`;

/** Path of all PolicySources of a namespace. */
export function sourcesPath(namespace: string): string {
  return `${OURS}/namespaces/${encodeURIComponent(namespace)}/policysources`;
}

/** Path of one PolicySource. */
export function sourcePath({ namespace, name }: { readonly namespace: string; readonly name: string }): string {
  return `${sourcesPath(namespace)}/${encodeURIComponent(name)}`;
}

/** Kinds of others of which single objects are read or written. */
const PLURALS: Readonly<Record<string, string>> = {
  'v1 ConfigMap': 'configmaps',
  'v1 Secret': 'secrets',
  'coordination.k8s.io/v1 Lease': 'leases',
  'events.k8s.io/v1 Event': 'events',
  'source.toolkit.fluxcd.io/v1 ExternalArtifact': 'externalartifacts',
};

/** Path of all objects of such a kind in one namespace. */
export function objectsPath({ apiVersion, kind, namespace }: Omit<ApiObjectName, 'name'>): string {
  const plural = PLURALS[`${apiVersion} ${kind}`];
  if (plural === undefined) throw new Error(`no path is known of ${apiVersion} ${kind}`);
  return `/${apiVersion === 'v1' ? 'api' : 'apis'}/${apiVersion}/namespaces/${segment(namespace)}/${plural}`;
}

/** Path of one of them. */
export function objectPath(object: ApiObjectName): string {
  return `${objectsPath(object)}/${segment(object.name)}`;
}

/** Dots would lead elsewhere, however they are encoded; no object can be called so. */
function segment(name: string): string {
  if (/^\.{0,2}$/.test(name)) throw new StageError('target', `${JSON.stringify(name)} is no name of an object`, { retry: false });
  return encodeURIComponent(name);
}

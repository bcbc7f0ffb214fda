/** What a cluster with Flux needs besides: who may write ExternalArtifacts that name a PolicySource, or that lead to our file server. */
import type { ApiObject } from './api-object.ts';

export interface FluxInstall {
  /** Namespace and name of the reconciler's ServiceAccount. */
  readonly namespace: string;
  readonly serviceAccount: string;
  /** Where artifacts are fetched from: `http://parapet-artifacts.parapet-system.svc.cluster.local./`. */
  readonly baseUrl: string;
}

const NAME = 'parapet-external-artifacts';

/**
 * Flux applies whatever an ExternalArtifact leads to, with Flux's rights: so those of PolicySources are written by the reconciler alone, and it
 * writes no others. Artifacts of other controllers are not judged. Their status is a resource of its own, and holds the URL.
 */
export function fluxAdmission(install: FluxInstall): readonly ApiObject[] {
  const account = `system:serviceaccount:${install.namespace}:${install.serviceAccount}`;
  const policy = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicy',
    metadata: { name: NAME },
    spec: {
      failurePolicy: 'Fail',
      matchConstraints: {
        resourceRules: [
          {
            apiGroups: ['source.toolkit.fluxcd.io'],
            apiVersions: ['v1'],
            operations: ['CREATE', 'UPDATE'],
            resources: ['externalartifacts', 'externalartifacts/status'],
          },
        ],
      },
      variables: variables(account, install.baseUrl),
      validations: VALIDATIONS,
    },
  };
  const binding = {
    apiVersion: 'admissionregistration.k8s.io/v1',
    kind: 'ValidatingAdmissionPolicyBinding',
    metadata: { name: NAME },
    spec: { policyName: NAME, validationActions: ['Deny'] },
  };
  return [policy, binding];
}

function variables(account: string, baseUrl: string): readonly ApiObject[] {
  const refers = (object: string): string =>
    `has(${object}.spec) && has(${object}.spec.sourceRef) && ${object}.spec.sourceRef.kind == 'PolicySource' && ` +
    `has(${object}.spec.sourceRef.apiVersion) && ${object}.spec.sourceRef.apiVersion.startsWith('parapet.dev/')`;
  const same = (field: string): string =>
    `has(object.${field}) == has(oldObject.${field}) && (!has(object.${field}) || object.${field} == oldObject.${field})`;
  return [
    { name: 'byUs', expression: `request.userInfo.username == ${literal(account)}` },
    { name: 'baseUrl', expression: literal(`${baseUrl.replace(/\/+$/, '')}/`) },
    { name: 'isOurs', expression: refers('object') },
    { name: 'wasOurs', expression: `oldObject != null && ${refers('oldObject')}` },
    { name: 'url', expression: "has(object.status) && has(object.status.artifact) ? object.status.artifact.url : ''" },
    // Labels, annotations and owners, which the garbage collector changes too.
    { name: 'metadataOnly', expression: `oldObject != null && ${same('spec')} && ${same('status')}` },
  ];
}

const VALIDATIONS = [
  {
    expression:
      'variables.byUs || variables.metadataOnly || !(variables.isOurs || variables.wasOurs || variables.url.startsWith(variables.baseUrl))',
    message: 'ExternalArtifacts of a PolicySource, and those that lead to its file server, are written by the reconciler only',
  },
  {
    expression: '!variables.byUs || variables.isOurs',
    message: 'the reconciler writes ExternalArtifacts of PolicySources only',
  },
  {
    expression:
      '!variables.byUs || !variables.isOurs || !has(object.spec.sourceRef.namespace) || object.spec.sourceRef.namespace == object.metadata.namespace',
    message: 'an ExternalArtifact is in the namespace of its PolicySource',
  },
  {
    expression:
      "!variables.byUs || variables.url == '' || " +
      "variables.url.startsWith(variables.baseUrl + object.metadata.namespace + '/' + object.metadata.name + '/')",
    message: 'an ExternalArtifact leads to its own folder of the file server',
  },
] as const;

/** Text in CEL. */
function literal(text: string): string {
  return `'${text.replace(/[\\']/g, (character) => `\\${character}`)}'`;
}

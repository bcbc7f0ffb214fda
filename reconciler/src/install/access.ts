/** What the reconciler may do, verb by verb, and why. Nothing else: no pods, no workloads, no namespaces, no listing of Secrets. */
import { NAME, LABELS } from './part.ts';
import type { InstallOptions, InstallPart } from './part.ts';

interface Grant {
  readonly why: string;
  readonly groups: readonly string[];
  readonly resources: readonly string[];
  readonly verbs: readonly string[];
}

const POLICIES = ['kubearmorpolicies', 'kubearmorclusterpolicies', 'kubearmorhostpolicies'];

/** In all namespaces. */
const EVERYWHERE: readonly Grant[] = [
  {
    why: 'Sources are followed in whatever namespace they are.',
    groups: ['parapet.dev'],
    resources: ['policysources'],
    verbs: ['get', 'list', 'watch'],
  },
  {
    why: 'The finalizer, so that policies go before their source does. Finalizers are no subresource, so the verb is for the whole object.',
    groups: ['parapet.dev'],
    resources: ['policysources'],
    verbs: ['patch'],
  },
  { why: 'How far a source is.', groups: ['parapet.dev'], resources: ['policysources/status'], verbs: ['patch'] },
  {
    why: 'What is there is compared with what the commit wants, at every change.',
    groups: ['security.kubearmor.com'],
    resources: POLICIES,
    verbs: ['get', 'list', 'watch'],
  },
  {
    why: 'Policies are written by server-side apply: patch, and create where there is none yet.',
    groups: ['security.kubearmor.com'],
    resources: POLICIES,
    verbs: ['create', 'patch'],
  },
  { why: 'What is gone from the repository is removed.', groups: ['security.kubearmor.com'], resources: POLICIES, verbs: ['delete'] },
  {
    why: 'What nodes do about a policy is in its status.',
    groups: ['security.kubearmor.com'],
    resources: POLICIES.map((policy) => `${policy}/status`),
    verbs: ['patch'],
  },
  { why: 'What nodes do.', groups: ['parapet.dev'], resources: ['nodereports'], verbs: ['get', 'list', 'watch'] },
  {
    why: 'Events about sources and policies; patch counts equal ones. Both groups are doors to the same objects.',
    groups: ['', 'events.k8s.io'],
    resources: ['events'],
    verbs: ['create', 'patch'],
  },
];

/** In the reconciler's own namespace. */
const AT_HOME: readonly Grant[] = [
  {
    why: 'One of the replicas leads.',
    groups: ['coordination.k8s.io'],
    resources: ['leases'],
    verbs: ['get', 'create', 'update', 'patch'],
  },
  {
    why: 'What has to survive a restart: statuses that a host has not accepted yet.',
    groups: [''],
    resources: ['configmaps'],
    verbs: ['get', 'list', 'create', 'update', 'patch', 'delete'],
  },
];

/** Where sources are. */
const SECRETS: Grant = {
  why: 'Credentials that a source names. By name only: they can be neither listed nor watched.',
  groups: [''],
  resources: ['secrets'],
  verbs: ['get'],
};
const IMPERSONATION: Grant = {
  why: 'Policies of a source with serviceAccountName are written as that account, and may be what it may.',
  groups: [''],
  resources: ['serviceaccounts'],
  verbs: ['impersonate'],
};
const FLUX: readonly Grant[] = [
  {
    why: 'Sources with delivery mode FluxArtifact.',
    groups: ['source.toolkit.fluxcd.io'],
    resources: ['externalartifacts'],
    verbs: ['get', 'list', 'watch', 'create', 'patch', 'delete'],
  },
  { why: 'Where the artifact is.', groups: ['source.toolkit.fluxcd.io'], resources: ['externalartifacts/status'], verbs: ['patch'] },
];

/** The account, its roles, and what binds them. */
export function accessParts(options: InstallOptions): readonly InstallPart[] {
  const { namespace, sourceNamespaces, impersonation, flux } = options;
  const account: InstallPart = {
    about: 'Who the reconciler is. Its token is mounted by the Deployment, into the one container that needs it.',
    object: {
      apiVersion: 'v1',
      kind: 'ServiceAccount',
      metadata: { name: NAME, namespace, labels: LABELS },
      automountServiceAccountToken: false,
    },
  };
  const atSources = [SECRETS, ...(impersonation ? [IMPERSONATION] : []), ...(flux ? FLUX : [])];
  return [
    account,
    ...bound({ about: 'What it may do in all namespaces.', name: NAME, grants: EVERYWHERE, account: namespace }),
    ...bound({ about: 'What it may do in its own namespace.', name: NAME, namespace, grants: AT_HOME, account: namespace }),
    ...sourceNamespaces.flatMap((place) =>
      bound({
        about: `What it may do in ${place} because sources are there.`,
        name: `${NAME}-sources`,
        namespace: place,
        grants: atSources,
        account: namespace,
      }),
    ),
  ];
}

interface Role {
  readonly about: string;
  readonly name: string;
  /** Absent: everywhere. */
  readonly namespace?: string;
  readonly grants: readonly Grant[];
  /** The namespace of the account. */
  readonly account: string;
}

function bound({ about, name, namespace, grants, account }: Role): readonly InstallPart[] {
  const kind = namespace === undefined ? 'ClusterRole' : 'Role';
  const metadata = { name, ...(namespace === undefined ? {} : { namespace }), labels: LABELS };
  const apiVersion = 'rbac.authorization.k8s.io/v1';
  const rules = grants.map(({ groups, resources, verbs }) => ({ apiGroups: groups, resources, verbs }));
  return [
    { about, rules: grants.map(({ why }) => why), object: { apiVersion, kind, metadata, rules } },
    {
      about: 'To the account.',
      object: {
        apiVersion,
        kind: `${kind}Binding`,
        metadata,
        roleRef: { apiGroup: 'rbac.authorization.k8s.io', kind, name },
        subjects: [{ kind: 'ServiceAccount', name: NAME, namespace: account }],
      },
    },
  ];
}

/** The reconciler's Deployment: two replicas of which one leads, as little privilege as restricted Pod Security asks for, and less. */
import { LABELS, NAME, POD_LABELS, PORTS } from './part.ts';
import type { InstallOptions, InstallPart } from './part.ts';

/** Nobody's on any distribution's list of users. */
const USER = 65532;
/** How the reconciler is told to follow the PolicySources of the cluster that it runs in. */
const ARGUMENTS = ['controller'];
/** Where the package store is mounted. */
const PACKAGES = '/packages';
const TOKENS = '/var/run/secrets/kubernetes.io/serviceaccount';
/** Seconds: tokens are renewed after four fifths of it. */
const TOKEN_LIFE = 3600;

/** Directories that can be written to. The image itself is read-only. */
const SCRATCH = [
  { name: 'tmp', path: '/tmp', size: '1Gi' },
  { name: 'data', path: '/var/lib/parapet', size: '2Gi' },
];

export function workloadParts(options: InstallOptions): readonly InstallPart[] {
  const { namespace, packagesClaim } = options;
  const pod = {
    metadata: { labels: LABELS },
    spec: {
      serviceAccountName: NAME,
      automountServiceAccountToken: false,
      enableServiceLinks: false,
      terminationGracePeriodSeconds: 30,
      nodeSelector: { 'kubernetes.io/os': 'linux' },
      securityContext: {
        runAsNonRoot: true,
        runAsUser: USER,
        runAsGroup: USER,
        fsGroup: USER,
        seccompProfile: { type: 'RuntimeDefault' },
      },
      topologySpreadConstraints: [
        {
          maxSkew: 1,
          topologyKey: 'kubernetes.io/hostname',
          whenUnsatisfiable: 'ScheduleAnyway',
          labelSelector: { matchLabels: POD_LABELS },
        },
      ],
      containers: [container(options)],
      volumes: [
        ...SCRATCH.map(({ name, size }) => ({ name, emptyDir: { sizeLimit: size } })),
        tokenVolume(),
        ...(packagesClaim === undefined ? [] : [{ name: 'packages', persistentVolumeClaim: { claimName: packagesClaim, readOnly: true } }]),
      ],
    },
  };
  const deployment: InstallPart = {
    about: 'One replica leads, and the other takes over within seconds.',
    object: {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: NAME, namespace, labels: LABELS },
      spec: {
        replicas: 2,
        revisionHistoryLimit: 3,
        strategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: 0, maxSurge: 1 } },
        selector: { matchLabels: POD_LABELS },
        template: pod,
      },
    },
  };
  const budget: InstallPart = {
    about: 'Draining nodes leaves one.',
    object: {
      apiVersion: 'policy/v1',
      kind: 'PodDisruptionBudget',
      metadata: { name: NAME, namespace, labels: LABELS },
      spec: { minAvailable: 1, unhealthyPodEvictionPolicy: 'AlwaysAllow', selector: { matchLabels: POD_LABELS } },
    },
  };
  return [deployment, budget];
}

function container({ image, flux, packagesClaim }: InstallOptions): object {
  const hasStore = packagesClaim !== undefined;
  const probe = (path: string): object => ({
    httpGet: { path, port: 'operations' },
    periodSeconds: 10,
    timeoutSeconds: 5,
    failureThreshold: 3,
  });
  const field = (fieldPath: string): object => ({ fieldRef: { fieldPath } });
  return {
    name: 'reconciler',
    image,
    args: [...ARGUMENTS, ...(flux ? ['--artifacts', `:${PORTS.artifacts}`] : []), ...(hasStore ? ['--packages', PACKAGES] : [])],
    env: [
      { name: 'POD_NAME', valueFrom: field('metadata.name') },
      { name: 'POD_NAMESPACE', valueFrom: field('metadata.namespace') },
    ],
    ports: [
      { name: 'operations', containerPort: PORTS.operations },
      { name: 'webhooks', containerPort: PORTS.webhooks },
      ...(flux ? [{ name: 'artifacts', containerPort: PORTS.artifacts }] : []),
    ],
    livenessProbe: probe('/healthz'),
    readinessProbe: probe('/readyz'),
    resources: {
      requests: { cpu: '100m', memory: '256Mi', 'ephemeral-storage': '256Mi' },
      // Policy programs run in processes of their own, each with a bound, inside of this one.
      limits: { memory: '1Gi', 'ephemeral-storage': '4Gi' },
    },
    securityContext: {
      allowPrivilegeEscalation: false,
      readOnlyRootFilesystem: true,
      runAsNonRoot: true,
      capabilities: { drop: ['ALL'] },
      seccompProfile: { type: 'RuntimeDefault' },
    },
    volumeMounts: [
      ...SCRATCH.map(({ name, path }) => ({ name, mountPath: path })),
      { name: 'token', mountPath: TOKENS, readOnly: true },
      ...(hasStore ? [{ name: 'packages', mountPath: PACKAGES, readOnly: true }] : []),
    ],
  };
}

/** What would be mounted by itself, with a token that does not live longer than it must. */
function tokenVolume(): object {
  return {
    name: 'token',
    projected: {
      defaultMode: 0o440,
      sources: [
        { serviceAccountToken: { path: 'token', expirationSeconds: TOKEN_LIFE } },
        { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
        { downwardAPI: { items: [{ path: 'namespace', fieldRef: { fieldPath: 'metadata.namespace' } }] } },
      ],
    },
  };
}

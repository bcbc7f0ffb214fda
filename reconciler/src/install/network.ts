/** Who reaches the reconciler, and whom it reaches. */
import { LABELS, NAME, POD_LABELS, PORTS } from './part.ts';
import type { InstallOptions, InstallPart } from './part.ts';

/** Where Git servers and their APIs listen, and the API server of most clusters. */
const REACHED = [443, 22, 6443];

export function networkParts({ namespace, flux }: InstallOptions): readonly InstallPart[] {
  return [
    service(namespace, {
      name: 'parapet-webhooks',
      port: 'webhooks',
      about: 'Push events. An Ingress or Gateway with TLS belongs in front of it.',
    }),
    service(namespace, { name: 'parapet-metrics', port: 'operations', about: 'Metrics for Prometheus, at /metrics.' }),
    ...(flux
      ? [service(namespace, { name: 'parapet-artifacts', port: 'artifacts', about: "Where Flux's controllers fetch artifacts." })]
      : []),
    networkPolicy(namespace, flux),
  ];
}

interface Exposed {
  readonly name: string;
  /** Name of the container's port. */
  readonly port: keyof typeof PORTS;
  readonly about: string;
}

function service(namespace: string, { name, port, about }: Exposed): InstallPart {
  return {
    about,
    object: {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name, namespace, labels: LABELS },
      spec: { type: 'ClusterIP', selector: POD_LABELS, ports: [{ name: port, port: 80, targetPort: port, protocol: 'TCP' }] },
    },
  };
}

function networkPolicy(namespace: string, flux: boolean): InstallPart {
  const tcp = (port: number): object => ({ protocol: 'TCP', port });
  const artifacts = {
    from: [{ namespaceSelector: { matchLabels: { 'kubernetes.io/metadata.name': 'flux-system' } } }],
    ports: [tcp(PORTS.artifacts)],
  };
  return {
    about: `Webhooks come from anywhere, scrapers from inside of the cluster. It talks to name servers and to the ports ${REACHED.join(', ')}: add those of Git servers, and of an API server, that listen elsewhere.`,
    object: {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'NetworkPolicy',
      metadata: { name: NAME, namespace, labels: LABELS },
      spec: {
        podSelector: { matchLabels: POD_LABELS },
        policyTypes: ['Ingress', 'Egress'],
        ingress: [
          { ports: [tcp(PORTS.webhooks)] },
          { from: [{ namespaceSelector: {} }], ports: [tcp(PORTS.operations)] },
          ...(flux ? [artifacts] : []),
        ],
        egress: [{ ports: [{ protocol: 'UDP', port: 53 }, tcp(53)] }, { ports: REACHED.map(tcp) }],
      },
    },
  };
}

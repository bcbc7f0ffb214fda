/** Health of our kinds for Flux, as `healthCheckExprs` of a Kustomization: with `wait: true` it is ready once nodes enforce its policies. */

interface HealthCheck {
  readonly apiVersion: string;
  readonly kind: string;
  /** CEL; the first one of these that is true counts, in this order. An object without a status is in progress. */
  readonly inProgress: string;
  readonly failed: string;
  readonly current: string;
}

const POLICIES = ['KubeArmorPolicy', 'KubeArmorClusterPolicy', 'KubeArmorHostPolicy'] as const;
const OUTDATED = 'has(status.observedGeneration) && status.observedGeneration < metadata.generation';

export function fluxHealthChecks(): readonly HealthCheck[] {
  return [
    ...POLICIES.map((kind) => ({
      apiVersion: 'security.kubearmor.com/v1',
      kind,
      inProgress: `!has(status.conditions) || ${OUTDATED}`,
      failed: `${some('Accepted', 'False')} || ${some('Degraded', 'True')}`,
      current: some('Enforced', 'True'),
    })),
    {
      apiVersion: 'parapet.dev/v1alpha1',
      kind: 'PolicySource',
      inProgress: `!has(status.conditions) || ${OUTDATED} || ${some('Reconciling', 'True')}`,
      failed: `${some('Stalled', 'True')} || ${some('Ready', 'False')}`,
      current: some('Ready', 'True'),
    },
  ];
}

function some(type: string, status: string): string {
  return `status.conditions.exists(c, c.type == '${type}' && c.status == '${status}')`;
}

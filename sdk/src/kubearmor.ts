/** KubeArmor's kinds as they are: every field of the API, nothing added. For intent-level policies see ContainerPolicy and friends. */
import type { ApiObjectMetadata } from 'cdk8s';
import type { Construct } from 'constructs';
import type { KubeArmorClusterPolicySpec, KubeArmorHostPolicySpec, KubeArmorPolicySpec } from './kubearmor-spec.ts';
import { PolicyObject } from './policy-object.ts';

interface WithMetadata {
  /**
   * Name, namespace, labels, annotations.
   * @default - name from the construct's id, namespace from the chart
   */
  readonly metadata?: ApiObjectMetadata;
}

export interface KubeArmorPolicyProps extends WithMetadata {
  readonly spec: KubeArmorPolicySpec;
}

/** Rules for containers of one namespace. */
export class KubeArmorPolicy extends PolicyObject {
  constructor(scope: Construct, id: string, props: KubeArmorPolicyProps) {
    super(scope, id, { kind: 'KubeArmorPolicy', metadata: props.metadata, spec: () => props.spec });
  }
}

export interface KubeArmorClusterPolicyProps extends WithMetadata {
  readonly spec: KubeArmorClusterPolicySpec;
}

/** Rules for containers of many namespaces. */
export class KubeArmorClusterPolicy extends PolicyObject {
  constructor(scope: Construct, id: string, props: KubeArmorClusterPolicyProps) {
    super(scope, id, { kind: 'KubeArmorClusterPolicy', metadata: props.metadata, spec: () => props.spec });
  }
}

export interface KubeArmorHostPolicyProps extends WithMetadata {
  readonly spec: KubeArmorHostPolicySpec;
}

/** Rules for the nodes themselves: for tasks that belong to no container. */
export class KubeArmorHostPolicy extends PolicyObject {
  constructor(scope: Construct, id: string, props: KubeArmorHostPolicyProps) {
    super(scope, id, { kind: 'KubeArmorHostPolicy', metadata: props.metadata, spec: () => props.spec });
  }
}

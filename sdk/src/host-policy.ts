import type { Construct } from 'constructs';
import { IntentPolicy } from './intent-policy.ts';
import type { IntentProps } from './intent-policy.ts';

export interface HostPolicyProps extends IntentProps {
  /**
   * Labels that a node must all have, exactly. `kubernetes.io/hostname` takes a list of names with commas.
   * @default - every node
   */
  readonly nodes?: Readonly<Record<string, string>>;
}

/** What the programs of the nodes themselves may and may not do: tasks that belong to no container. */
export class HostPolicy extends IntentPolicy {
  constructor(scope: Construct, id: string, props: HostPolicyProps = {}) {
    const matchLabels = props.nodes ?? { 'kubernetes.io/hostname': '*' };
    super(scope, id, { kind: 'KubeArmorHostPolicy', props, selection: { nodeSelector: { matchLabels } } });
  }
}

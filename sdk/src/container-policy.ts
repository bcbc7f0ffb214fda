import type { Construct } from 'constructs';
import { IntentPolicy } from './intent-policy.ts';
import type { IntentProps } from './intent-policy.ts';
import type { WithResources } from './resource-limits.ts';
import { labelExpressions } from './selection.ts';
import type { LabelSelection } from './selection.ts';

export interface ContainerPolicyProps extends IntentProps, LabelSelection, WithResources {
  /**
   * Namespace of the policy and of the containers it is for.
   * @default - `metadata.namespace`, else the chart's namespace, else `default`
   */
  readonly namespace?: string;
  /**
   * Labels that must all be there, exactly.
   * @default - every container of the namespace
   */
  readonly select?: Readonly<Record<string, string>>;
  /**
   * Only containers of these names.
   * @default - all containers of the selected workloads
   */
  readonly containers?: readonly string[];
}

/**
 * What containers of one namespace may and may not do.
 *
 * ```ts
 * new ContainerPolicy(this, 'web', { select: { app: 'web' } })
 *   .blockExec('/usr/bin/apt', '/usr/bin/apt-get')
 *   .readOnly('/etc/');
 * ```
 */
export class ContainerPolicy extends IntentPolicy {
  constructor(scope: Construct, id: string, props: ContainerPolicyProps = {}) {
    const { namespace, select, containers, resources } = props;
    const matchLabels = { ...select, ...(containers === undefined ? {} : { 'kubearmor.io/container.name': `[${containers.join(',')}]` }) };
    const matchExpressions = labelExpressions(props);
    super(scope, id, {
      kind: 'KubeArmorPolicy',
      props: namespace === undefined ? props : { ...props, metadata: { ...props.metadata, namespace } },
      selection: { selector: { matchLabels, ...(matchExpressions.length === 0 ? {} : { matchExpressions }) }, resources },
    });
    if (containers?.length === 0) this.misuse('containers is an empty list, which would mean all of them');
  }
}

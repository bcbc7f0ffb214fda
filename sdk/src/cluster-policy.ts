import type { Construct } from 'constructs';
import { IntentPolicy } from './intent-policy.ts';
import type { IntentProps } from './intent-policy.ts';
import type { MatchExpression } from './kubearmor-spec.ts';
import type { WithResources } from './resource-limits.ts';
import { labelExpressions } from './selection.ts';
import type { LabelSelection } from './selection.ts';

export interface ClusterPolicyProps extends IntentProps, LabelSelection, WithResources {
  /**
   * Only containers of these namespaces.
   * @default - all namespaces
   */
  readonly namespaces?: readonly string[];
  /**
   * No container of these namespaces; excludes `namespaces`.
   * @default - none
   */
  readonly exceptNamespaces?: readonly string[];
  /**
   * Labels that must all be there, exactly.
   * @default - every container
   */
  readonly select?: Readonly<Record<string, string>>;
}

/** What containers of many namespaces may and may not do. */
export class ClusterPolicy extends IntentPolicy {
  constructor(scope: Construct, id: string, props: ClusterPolicyProps = {}) {
    const matchExpressions: MatchExpression<'namespace' | 'label'>[] = [
      ...namespaceExpressions(props),
      ...labelExpressions({ selectAny: props.select ?? {} }),
      ...labelExpressions(props),
    ];
    super(scope, id, {
      kind: 'KubeArmorClusterPolicy',
      props,
      selection: { ...(matchExpressions.length === 0 ? {} : { selector: { matchExpressions } }), resources: props.resources },
    });
    if (props.namespaces !== undefined && props.exceptNamespaces !== undefined)
      this.misuse('namespaces and exceptNamespaces exclude each other');
  }
}

function namespaceExpressions({ namespaces, exceptNamespaces }: ClusterPolicyProps): MatchExpression<'namespace'>[] {
  return [
    ...(namespaces === undefined ? [] : [{ key: 'namespace', operator: 'In', values: namespaces } as const]),
    ...(exceptNamespaces === undefined ? [] : [{ key: 'namespace', operator: 'NotIn', values: exceptNamespaces } as const]),
  ];
}

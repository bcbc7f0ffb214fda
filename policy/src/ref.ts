/** Names of policies, as keys and for people. */
import type { Policy } from './model.ts';
import type { PolicyRef } from './report.ts';

/** The name of a policy without the rest. */
export function policyRef({ kind, namespace, name }: Policy): PolicyRef {
  return { kind, namespace, name };
}

/** One text for each policy name: `KubeArmorPolicy default/no-shell`; cluster and host policies have no namespace: `KubeArmorHostPolicy edge`. */
export function refKey(ref: { readonly kind: string; readonly namespace: string; readonly name: string }): string {
  return `${ref.kind} ${ref.namespace === '' ? '' : `${ref.namespace}/`}${ref.name}`;
}

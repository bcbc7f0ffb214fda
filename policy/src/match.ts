/** Selectors: which policies are for which container or node. */
import type { LabelExpression, Policy, Workload } from './model.ts';

/** Labels of a node selector that ask for the node's name: a list of names with commas, or `*`. */
export const HOSTNAME_LABELS: readonly string[] = ['kubernetes.io/hostname', 'kubearmor.io/hostname'];

/** Whether a policy is for this container, or for the node itself (`workload.host`). */
export function matches(policy: Policy, workload: Workload): boolean {
  if ((policy.kind === 'KubeArmorHostPolicy') !== workload.host) return false;
  return (
    inNamespace(policy, workload) &&
    Object.entries(policy.target.labels).every(([key, value]) => hasLabel(workload, { key, value })) &&
    policy.target.expressions.every((expression) => satisfies(expression, workload)) &&
    (policy.target.containers.length === 0 || policy.target.containers.includes(workload.name))
  );
}

function inNamespace(policy: Policy, workload: Workload): boolean {
  if (policy.kind === 'KubeArmorPolicy' && policy.namespace !== workload.namespace) return false;
  const { namespaces } = policy.target;
  return namespaces === undefined || namespaces.values.includes(workload.namespace) === (namespaces.operator === 'In');
}

function hasLabel(workload: Workload, { key, value }: { key: string; value: string }): boolean {
  if (workload.host && HOSTNAME_LABELS.includes(key)) {
    const wanted = value.split(',').map((name) => name.trim());
    return wanted.includes('*') || wanted.includes(hostname(workload));
  }
  return Object.hasOwn(workload.labels, key) && workload.labels[key] === value;
}

/** A node's name: its hostname label, or its own name where nobody labelled it. */
function hostname(workload: Workload): string {
  const key = HOSTNAME_LABELS.find((label) => Object.hasOwn(workload.labels, label));
  return (key === undefined ? undefined : workload.labels[key]) ?? workload.name;
}

function satisfies({ operator, values }: LabelExpression, workload: Workload): boolean {
  const some = values.some((pair) => {
    const at = pair.indexOf('=');
    return at !== -1 && hasLabel(workload, { key: pair.slice(0, at), value: pair.slice(at + 1) });
  });
  return some === (operator === 'In');
}

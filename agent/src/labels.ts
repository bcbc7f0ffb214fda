/** What a container or a node is to selectors, from what its runtime says about it. */
import type { Workload } from '@parapet/policy';

const NAME_LABEL = 'io.kubernetes.container.name';
const POD_NAMESPACE_LABEL = 'io.kubernetes.pod.namespace';
const POD_NAME_LABEL = 'io.kubernetes.pod.name';
/** By which a Deployment tells its ReplicaSets apart, whose pods are called `web-HASH-abcde`. */
const TEMPLATE_LABEL = 'pod-template-hash';
const NAMESPACE_LABEL = 'parapet.dev/namespace';
/** The label by which policies written for KubeArmor choose a container by its name. */
const CONTAINER_NAME_LABEL = 'kubearmor.io/container.name';

/** The workload of a container: its runtime's labels, plus its own name as `kubearmor.io/container.name`. */
export function containerWorkload(container: { readonly id: string; readonly labels: Readonly<Record<string, string>> }): Workload {
  const { id, labels } = container;
  const name = valueOf(labels, NAME_LABEL) ?? id;
  const namespace = valueOf(labels, POD_NAMESPACE_LABEL) ?? valueOf(labels, NAMESPACE_LABEL) ?? 'default';
  return { host: false, namespace, name, labels: withLabel(labels, CONTAINER_NAME_LABEL, name) };
}

/** The workload of the node itself, which host policies select. */
export function hostWorkload(node: string): Workload {
  return { host: true, namespace: '', name: node, labels: { 'kubernetes.io/hostname': node, 'kubearmor.io/hostname': node } };
}

/** The pod's name where there is a pod, else the container's. */
export function podName(workload: Workload): string {
  return valueOf(workload.labels, POD_NAME_LABEL) ?? workload.name;
}

/** What runs a pod, as reports write it: `shop/Deployment/web`; the pod itself where its labels tell no more. Undefined where there is no pod. */
export function ownerText(workload: Workload): string | undefined {
  const pod = valueOf(workload.labels, POD_NAME_LABEL);
  if (pod === undefined) return undefined;
  const template = valueOf(workload.labels, TEMPLATE_LABEL);
  const deployment = template === undefined ? -1 : pod.lastIndexOf(`-${template}-`);
  const text = `${workload.namespace}/${deployment > 0 ? `Deployment/${pod.slice(0, deployment)}` : `Pod/${pod}`}`;
  return /^[a-z0-9-]+\/[A-Za-z0-9]+\/[A-Za-z0-9.:_-]+$/.test(text) && text.length <= 512 ? text : undefined;
}

/** Labels as alerts write them: `app=web,tier=front`, by key. */
export function labelText(labels: Readonly<Record<string, string>>): string {
  return Object.keys(labels)
    .sort()
    .map((key) => `${key}=${labels[key] ?? ''}`)
    .join(',');
}

/** A label's value; keys such as `constructor` are labels like any other, and an empty value is none. */
function valueOf(labels: Readonly<Record<string, string>>, key: string): string | undefined {
  const value = Object.hasOwn(labels, key) ? labels[key] : undefined;
  return value === '' ? undefined : value;
}

function withLabel(labels: Readonly<Record<string, string>>, key: string, value: string): Readonly<Record<string, string>> {
  return Object.fromEntries([...Object.entries(labels).filter(([name]) => name !== key), [key, value]]);
}

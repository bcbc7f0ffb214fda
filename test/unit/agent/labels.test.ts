import { expect, test } from '@jest/globals';
import { containerWorkload, hostWorkload, labelText, ownerText, podName } from '../../../agent/src/labels.ts';

test('a plain container has its id for a name and lives in the namespace default', () => {
  expect(containerWorkload({ id: 'web', labels: { app: 'web' } })).toEqual({
    host: false,
    namespace: 'default',
    name: 'web',
    labels: { app: 'web', 'kubearmor.io/container.name': 'web' },
  });
});

test('a label gives a container a namespace', () => {
  expect(containerWorkload({ id: 'a', labels: { 'parapet.dev/namespace': 'shop' } }).namespace).toBe('shop');
});

test('Kubernetes names win over a label that anybody may put on a container', () => {
  const labels = {
    'io.kubernetes.pod.namespace': 'prod',
    'io.kubernetes.container.name': 'nginx',
    'io.kubernetes.pod.name': 'nginx-1',
    'parapet.dev/namespace': 'x',
  };
  const workload = containerWorkload({ id: 'abc', labels });
  expect(workload).toMatchObject({ namespace: 'prod', name: 'nginx', labels: { 'kubearmor.io/container.name': 'nginx' } });
  expect(podName(workload)).toBe('nginx-1');
});

test('a container cannot choose another name through the name label', () => {
  const workload = containerWorkload({ id: 'evil', labels: { 'kubearmor.io/container.name': 'trusted' } });
  expect(workload.labels['kubearmor.io/container.name']).toBe('evil');
});

test('labels with names of object members are labels like any other', () => {
  const labels = JSON.parse('{"__proto__": "x", "constructor": "y"}') as Record<string, string>;
  const workload = containerWorkload({ id: 'a', labels });
  expect(Object.hasOwn(workload.labels, '__proto__')).toBe(true);
  expect(workload.namespace).toBe('default');
  expect(labelText(workload.labels)).toBe('__proto__=x,constructor=y,kubearmor.io/container.name=a');
});

test('the node is a workload that host policies can select by its name', () => {
  expect(hostWorkload('n1')).toEqual({
    host: true,
    namespace: '',
    name: 'n1',
    labels: { 'kubernetes.io/hostname': 'n1', 'kubearmor.io/hostname': 'n1' },
  });
});

test.each([
  ['a pod of a Deployment', { 'io.kubernetes.pod.name': 'web-7d9f8b-x2x4z', 'pod-template-hash': '7d9f8b' }, 'shop/Deployment/web'],
  ['any other pod', { 'io.kubernetes.pod.name': 'db-0' }, 'shop/Pod/db-0'],
  ['a pod whose label is another’s', { 'io.kubernetes.pod.name': 'db-0', 'pod-template-hash': '7d9f8b' }, 'shop/Pod/db-0'],
  ['no pod', { app: 'web' }, undefined],
  ['a name that no pod has', { 'io.kubernetes.pod.name': 'a b' }, undefined],
])('%s is told by what runs it', (_what, labels, text) => {
  expect(ownerText({ host: false, namespace: 'shop', name: 'web', labels })).toBe(text);
});

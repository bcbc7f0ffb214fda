import { expect, test } from '@jest/globals';
import { podAnnotations, sandboxOf, specAnnotations } from '../../../agent/src/adapters/containerd/annotations.ts';
import type { ContainerRecord } from '../../../agent/src/adapters/containerd/api.ts';

const json = (value: unknown): { value: Uint8Array } => ({ value: Buffer.from(JSON.stringify(value)) });

function record(over: Partial<ContainerRecord> = {}): ContainerRecord {
  return { id: 'c1', labels: {}, image: 'i', ...over };
}

test('a container’s own annotations are its specification’s texts', () => {
  const spec = json({ ociVersion: '1.1.0', annotations: { 'kubearmor-policy': 'audited', odd: 7 } });
  expect(specAnnotations(record({ spec }))).toEqual({ 'kubearmor-policy': 'audited' });
});

test.each([undefined, null, json({}), json({ annotations: null }), json([]), { value: Buffer.from('{') }, { value: Buffer.alloc(0) }])(
  'a specification that says nothing, or is none, has no annotations',
  (spec) => {
    expect(specAnnotations(record(spec === undefined ? {} : { spec }))).toEqual({});
  },
);

test('a pod’s annotations are with its sandbox, which its containers name and which names itself', () => {
  const spec = json({ annotations: { 'io.kubernetes.cri.sandbox-id': 's1' } });
  const metadata = { Version: 'v1', Metadata: { Config: { annotations: { 'kubearmor-policy': 'disabled' } } } };
  const sandbox = record({ id: 's1', spec, extensions: { 'io.cri-containerd.sandbox.metadata': json(metadata) } });
  expect(sandboxOf(record({ spec }))).toBe('s1');
  expect(sandboxOf(sandbox)).toBeUndefined();
  expect(podAnnotations(sandbox)).toEqual({ 'kubearmor-policy': 'disabled' });
  expect(podAnnotations(record())).toEqual({});
});

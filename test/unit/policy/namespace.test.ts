import { expect, test } from '@jest/globals';
import { formatProblem, isNamespaceManifest, parseNamespace } from '@parapet/policy';

const manifest = (annotations: unknown): object => ({ apiVersion: 'v1', kind: 'Namespace', metadata: { name: 'shop', annotations } });

test('only namespaces of the core API are namespaces', () => {
  expect(isNamespaceManifest(manifest({}))).toBe(true);
  const others = [{ apiVersion: 'v2', kind: 'Namespace' }, { apiVersion: 'v1', kind: 'Pod' }, null, 'Namespace', []];
  expect(others.map(isNamespaceManifest)).toEqual([false, false, false, false, false]);
});

test('the annotations say postures in any case; what they do not say is open', () => {
  const parsed = parseNamespace(manifest({ 'kubearmor-file-posture': 'Block', 'kubearmor-network-posture': 'AUDIT', other: 'x' }), {});
  expect(parsed).toEqual({ namespace: { name: 'shop', postures: { file: 'block', network: 'audit' } }, problems: [] });
});

test('a posture that is none is warned about and passed over', () => {
  const { namespace, problems } = parseNamespace(manifest({ 'kubearmor-capabilities-posture': 'deny', 'kubearmor-file-posture': 1 }), {
    file: 'ns.yaml',
  });
  expect(namespace).toEqual({ name: 'shop', postures: {} });
  expect(problems.map(formatProblem)).toEqual([
    expect.stringMatching(/^ns\.yaml: Namespace: metadata\.annotations.*file-posture.*: warning: 1 is not a posture/),
    expect.stringMatching(/capabilities-posture.*: warning: "deny" is not a posture.*\(write audit or block\) \[invalid-value\]$/),
  ]);
});

test.each([undefined, null, {}])('without annotations (%j) it says nothing', (annotations) => {
  expect(parseNamespace(manifest(annotations), {})).toEqual({ namespace: { name: 'shop', postures: {} }, problems: [] });
});

test.each([
  { apiVersion: 'v1', kind: 'Namespace' },
  { metadata: { name: 7 } },
  { metadata: null },
  { metadata: { name: 'a', annotations: 'x' } },
])('one without a name, or with annotations that are none, is refused: %j', (value) => {
  const { namespace, problems } = parseNamespace({ apiVersion: 'v1', kind: 'Namespace', ...value }, {});
  expect(namespace).toBeUndefined();
  expect(problems.some(({ severity }) => severity === 'error')).toBe(true);
});

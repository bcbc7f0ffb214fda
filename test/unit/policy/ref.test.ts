import { expect, test } from '@jest/globals';
import { policyRef, refKey } from '@parapet/policy';
import { policyOf } from './builders.ts';

test('a policy’s name is kind, namespace and name', () => {
  expect(policyRef(policyOf())).toEqual({ kind: 'KubeArmorPolicy', namespace: 'default', name: 'p' });
  expect(refKey(policyOf())).toBe('KubeArmorPolicy default/p');
  expect(refKey({ kind: 'KubeArmorHostPolicy', namespace: '', name: 'edge' })).toBe('KubeArmorHostPolicy edge');
});

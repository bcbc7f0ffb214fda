import { expect, test } from '@jest/globals';
import { matches } from '@parapet/policy';
import type { Policy, Target, Workload } from '@parapet/policy';
import { pathRule, policyOf } from './builders.ts';

const web: Workload = { host: false, namespace: 'shop', name: 'nginx', labels: { app: 'web', tier: 'front' } };
const node: Workload = { host: true, namespace: '', name: 'n1', labels: { 'kubernetes.io/hostname': 'n1', zone: 'a' } };

function policy(kind: Policy['kind'], target: Partial<Target> = {}, namespace = ''): Policy {
  return { ...policyOf(pathRule('/bin/sh')), kind, namespace, target: { labels: {}, expressions: [], containers: [], ...target } };
}

function inShop(target: Partial<Target>): boolean {
  return matches(policy('KubeArmorPolicy', target, 'shop'), web);
}

test('a policy is for the containers of its own namespace', () => {
  expect(inShop({})).toBe(true);
  expect(matches(policy('KubeArmorPolicy', {}, 'default'), web)).toBe(false);
});

test('every label must be there, exactly', () => {
  expect(inShop({ labels: { app: 'web', tier: 'front' } })).toBe(true);
  expect(inShop({ labels: { app: 'web', tier: 'back' } })).toBe(false);
  expect(inShop({ labels: { app: 'web*' } })).toBe(false);
  expect(inShop({ labels: { toString: '' } })).toBe(false);
});

test('In wants one of the pairs, NotIn none, and all expressions must hold, also a NotIn after an In', () => {
  const expression = (operator: 'In' | 'NotIn', ...values: string[]): Target['expressions'][number] => ({ operator, values });
  expect(inShop({ expressions: [expression('In', 'app=db', 'app=web')] })).toBe(true);
  expect(inShop({ expressions: [expression('In', 'app=db')] })).toBe(false);
  expect(inShop({ expressions: [expression('NotIn', 'app=db', 'app=cache')] })).toBe(true);
  expect(inShop({ expressions: [expression('In', 'app=web'), expression('NotIn', 'tier=front')] })).toBe(false);
});

test('a value may itself contain an equals sign', () => {
  const workload = { ...web, labels: { args: 'a=b' } };
  expect(matches(policy('KubeArmorPolicy', { expressions: [{ operator: 'In', values: ['args=a=b'] }] }, 'shop'), workload)).toBe(true);
});

test('container names narrow, no name means every container', () => {
  expect(inShop({ containers: ['redis', 'nginx'] })).toBe(true);
  expect(inShop({ containers: ['redis'] })).toBe(false);
});

test('a cluster policy is for the namespaces that it names, or for all', () => {
  const namespaces = (operator: 'In' | 'NotIn', ...values: string[]): Partial<Target> => ({ namespaces: { operator, values } });
  expect(matches(policy('KubeArmorClusterPolicy'), web)).toBe(true);
  expect(matches(policy('KubeArmorClusterPolicy', namespaces('In', 'shop')), web)).toBe(true);
  expect(matches(policy('KubeArmorClusterPolicy', namespaces('In')), web)).toBe(false);
  expect(matches(policy('KubeArmorClusterPolicy', namespaces('NotIn', 'shop')), web)).toBe(false);
});

test('host policies are for the node and nothing else is', () => {
  expect(matches(policy('KubeArmorHostPolicy'), node)).toBe(true);
  expect(matches(policy('KubeArmorHostPolicy'), web)).toBe(false);
  expect(matches(policy('KubeArmorClusterPolicy'), node)).toBe(false);
  expect(matches(policy('KubeArmorPolicy'), node)).toBe(false);
});

test.each([
  [{ 'kubernetes.io/hostname': 'n1' }, true],
  [{ 'kubearmor.io/hostname': 'n1' }, true],
  [{ 'kubernetes.io/hostname': 'n0, n1' }, true],
  [{ 'kubernetes.io/hostname': '*' }, true],
  [{ 'kubernetes.io/hostname': 'n' }, false],
  [{ 'kubernetes.io/hostname': 'n1', zone: 'a' }, true],
  [{ 'kubernetes.io/hostname': 'n1', zone: '*' }, false],
  [{ zone: 'a,b' }, false],
])('the node selector %j is for node n1 in zone a: %p', (labels, expected) => {
  expect(matches(policy('KubeArmorHostPolicy', { labels }), node)).toBe(expected);
});

test('a node that nobody labelled is known by its own name', () => {
  const bare = { ...node, labels: {} };
  expect(matches(policy('KubeArmorHostPolicy', { labels: { 'kubearmor.io/hostname': 'n1' } }), bare)).toBe(true);
  expect(matches(policy('KubeArmorHostPolicy', { labels: { 'kubearmor.io/hostname': 'n2' } }), bare)).toBe(false);
});

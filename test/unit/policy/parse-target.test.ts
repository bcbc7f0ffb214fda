import { expect, test } from '@jest/globals';
import type { Target } from '@parapet/policy';
import { errorsOf, parsed, problemsOf } from './manifests.ts';

const process = { matchPaths: [{ path: '/bin/sh' }] };

function target(selector: unknown, kind = 'KubeArmorPolicy'): Target {
  return parsed({ kind, spec: { selector, process } }).target;
}

function selectorErrors(selector: unknown, kind = 'KubeArmorPolicy'): unknown {
  return errorsOf({ kind, spec: { selector, process } }).map(({ code, place }) => [code, place.field]);
}

test('labels and expressions are kept as written, in the namespace of the policy', () => {
  const matchExpressions = [
    { key: 'label', operator: 'In', values: ['a=b', 'c=d'] },
    { key: 'label', operator: 'NotIn', values: ['e=f'] },
  ];
  expect(target({ matchLabels: { app: 'web' }, matchExpressions })).toEqual({
    namespaces: { operator: 'In', values: ['default'] },
    labels: { app: 'web' },
    expressions: [
      { operator: 'In', values: ['a=b', 'c=d'] },
      { operator: 'NotIn', values: ['e=f'] },
    ],
    containers: [],
  });
});

test.each([
  ['[a, b,,a]', ['a', 'b']],
  ['nginx', ['nginx']],
  ['[nginx]', ['nginx']],
  ['', []],
  ['[]', []],
])('the container name %j means %j', (text, containers) => {
  expect(target({ matchLabels: { 'kubearmor.io/container.name': text, app: 'x' } })).toMatchObject({ labels: { app: 'x' }, containers });
});

test('patterns of container names are refused, and so is a list without brackets', () => {
  const field = 'spec.selector.matchLabels["kubearmor.io/container.name"]';
  expect(selectorErrors({ matchLabels: { 'kubearmor.io/container.name': '.*' } })).toEqual([['not-enforced-yet', field]]);
  expect(selectorErrors({ matchLabels: { 'kubearmor.io/container.name': 'a,b' } })).toEqual([['invalid-value', field]]);
});

test('null expressions select as none do', () => {
  expect(target({ matchExpressions: null }, 'KubeArmorClusterPolicy')).toEqual({ labels: {}, expressions: [], containers: [] });
});

test.each([
  [{ matchLabels: { a: 1 } }, 'wrong-type', 'spec.selector.matchLabels.a'],
  [{ matchLabels: [] }, 'wrong-type', 'spec.selector.matchLabels'],
  [{ app: 'x' }, 'unknown-field', 'spec.selector.app'],
  [
    { matchExpressions: [{ key: 'label', operator: 'Exists', values: ['a=b'] }] },
    'invalid-value',
    'spec.selector.matchExpressions[0].operator',
  ],
  [{ matchExpressions: [{ key: 'namespace', operator: 'In', values: ['a'] }] }, 'invalid-value', 'spec.selector.matchExpressions[0].key'],
  [{ matchExpressions: [{ key: 'label', operator: 'In', values: ['a'] }] }, 'invalid-value', 'spec.selector.matchExpressions[0].values[0]'],
  [{ matchExpressions: [{ key: 'label', operator: 'In', values: [] }] }, 'missing-field', 'spec.selector.matchExpressions[0].values'],
  [{ matchExpressions: [{ key: 'label', operator: 'In' }] }, 'missing-field', 'spec.selector.matchExpressions[0].values'],
])('the selector %j is refused', (selector, code, field) => {
  expect(selectorErrors(selector)).toEqual([[code, field]]);
});

test('a cluster policy selects namespaces, and has no matchLabels', () => {
  const matchExpressions = [{ key: 'namespace', operator: 'NotIn', values: ['kube-system'] }];
  expect(target({ matchExpressions }, 'KubeArmorClusterPolicy').namespaces).toEqual({ operator: 'NotIn', values: ['kube-system'] });
  expect(selectorErrors({ matchLabels: { a: 'b' } }, 'KubeArmorClusterPolicy')).toEqual([['unknown-field', 'spec.selector.matchLabels']]);
});

test.each([
  [['In', 'a', 'b'], ['In', 'b', 'c'], { operator: 'In', values: ['b'] }],
  [['In', 'a', 'b'], ['NotIn', 'b'], { operator: 'In', values: ['a'] }],
  [['NotIn', 'b'], ['In', 'a', 'b'], { operator: 'In', values: ['a'] }],
  [['NotIn', 'a'], ['NotIn', 'b', 'a'], { operator: 'NotIn', values: ['a', 'b'] }],
])('namespace expressions %j and %j must both hold', (one, two, namespaces) => {
  const matchExpressions = [one, two].map(([operator, ...values]) => ({ key: 'namespace', operator, values }));
  expect(target({ matchExpressions }, 'KubeArmorClusterPolicy').namespaces).toEqual(namespaces);
});

test('namespace expressions that exclude each other are warned about', () => {
  const matchExpressions = ['In', 'NotIn'].map((operator) => ({ key: 'namespace', operator, values: ['a'] }));
  const found = problemsOf({ kind: 'KubeArmorClusterPolicy', spec: { selector: { matchExpressions }, process } });
  expect(found).toMatchObject([{ code: 'selects-nothing', severity: 'warning' }]);
});

test('a host policy needs a node selector and takes labels only', () => {
  const of = (spec: Record<string, unknown>): unknown =>
    errorsOf({ kind: 'KubeArmorHostPolicy', spec: { ...spec, process } }).map(({ code, place }) => [code, place.field]);
  expect(of({})).toEqual([['missing-field', 'spec.nodeSelector']]);
  expect(of({ nodeSelector: { matchLabels: {} } })).toEqual([]);
  expect(of({ nodeSelector: { matchLabels: { 'kubernetes.io/hostnamereg': 'a.*' } } })).toEqual([
    ['not-enforced-yet', 'spec.nodeSelector.matchLabels["kubernetes.io/hostnamereg"]'],
  ]);
  expect(of({ nodeSelector: {}, selector: {} })).toEqual([['unknown-field', 'spec.selector']]);
});

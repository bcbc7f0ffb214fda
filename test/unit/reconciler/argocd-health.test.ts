import { expect, test } from '@jest/globals';
import { exclusions, healthConfigMap, healthScripts } from '../../../reconciler/src/argocd/health.ts';
import { runHealth } from '../../support/lua.ts';
import { nodeReport, policyReport } from './builders.ts';

type Conditions = Readonly<Record<string, readonly [status: string, message?: string]>>;

const conditions = (of: Conditions) =>
  Object.entries(of).map(([type, [status, message = '']]) => ({ type, status, reason: 'Because', message, observedGeneration: 2 }));
const policy = (of: Conditions, rest: object = {}) => ({
  metadata: { name: 'web', generation: 2 },
  spec: {},
  status: { observedGeneration: 2, conditions: conditions(of), ...rest },
});
const source = (of: Conditions, { spec = {}, ...status }: { spec?: object } & Record<string, unknown> = {}) => ({
  metadata: { name: 'shop', generation: 2 },
  spec,
  status: { observedGeneration: 2, conditions: conditions(of), ...status },
});
const health = (kind: string, obj: unknown): string[] => {
  const { status, message } = runHealth(healthScripts()[kind] ?? '', obj);
  return [status, message];
};

const POLICIES = ['KubeArmorPolicy', 'KubeArmorClusterPolicy', 'KubeArmorHostPolicy'].map((kind) => `security.kubearmor.com_${kind}`);
const FINE = { Accepted: ['True'], Degraded: ['False'] } as const;

test.each(POLICIES)('%s is healthy once every node enforces it, and degraded where one cannot', (kind) => {
  const cases: readonly (readonly [obj: unknown, status: string, message: string])[] = [
    [policy({ ...FINE, Enforced: ['True', 'in force on 3 of 3 nodes'] }), 'Healthy', 'in force on 3 of 3 nodes'],
    [policy({ ...FINE, Enforced: ['True'] }), 'Healthy', 'in force on every node'],
    [policy({ ...FINE, Enforced: ['False', 'in force on 1 of 3 nodes'] }), 'Progressing', 'in force on 1 of 3 nodes'],
    [policy({ ...FINE, Enforced: ['Unknown'] }), 'Progressing', 'not yet in force on every node'],
    [
      policy({ Accepted: ['True'], Enforced: ['False'], Degraded: ['True', 'degraded on n1 (no hook)'] }),
      'Degraded',
      'degraded on n1 (no hook)',
    ],
    [policy({ Accepted: ['False', 'no rules'], Enforced: ['True'], Degraded: ['False'] }), 'Degraded', 'no rules'],
    // of the generation before
    [policy({ ...FINE, Enforced: ['True'] }, { observedGeneration: 1 }), 'Progressing', 'waiting for nodes to take the policy'],
    [{ metadata: { generation: 1 }, spec: {} }, 'Progressing', 'waiting for nodes to take the policy'],
    // as KubeArmor itself writes it
    [{ metadata: { generation: 1 }, status: { status: 'OK' } }, 'Progressing', 'waiting for nodes to take the policy'],
  ];
  for (const [obj, ...wanted] of cases) expect(health(kind, obj)).toEqual(wanted);
});

test('a PolicySource is what its conditions and its policies say', () => {
  const ready = { Ready: ['True', 'applied main@sha1:a'] } as const;
  const counts = (enforced: number, degraded = 0, refused = 0) => ({ policies: { total: 12, enforced, degraded, refused } });
  const cases: readonly (readonly [obj: unknown, status: string, message: string])[] = [
    [source(ready), 'Healthy', 'applied main@sha1:a'],
    [source(ready, counts(12)), 'Healthy', 'applied main@sha1:a'],
    [source(ready, counts(9)), 'Progressing', '9 of 12 policies in force'],
    [source(ready, counts(9, 2, 1)), 'Degraded', '2 degraded and 1 refused of 12 policies'],
    [source({ Ready: ['False', 'no such branch'] }), 'Degraded', 'no such branch'],
    [source({ Ready: ['False'], Stalled: ['True', 'wrong URL'] }), 'Degraded', 'wrong URL'],
    [source({ Ready: ['Unknown', 'synth'], Reconciling: ['True', 'synthesizing'] }), 'Progressing', 'synthesizing'],
    [source({ ...ready, Reconciling: ['True'] }), 'Progressing', 'reconciling'],
    [source({ Ready: ['Unknown'] }), 'Progressing', 'waiting for the reconciler'],
    [source(ready, { spec: { suspend: true } }), 'Suspended', 'the source is suspended'],
    [source({ Ready: ['False'] }, { spec: { suspend: true } }), 'Suspended', 'the source is suspended'],
    [source(ready, { spec: { suspend: false } }), 'Healthy', 'applied main@sha1:a'],
    [source(ready, { observedGeneration: 1 }), 'Progressing', 'waiting for the reconciler'],
    [{ metadata: {}, spec: {} }, 'Progressing', 'waiting for the reconciler'],
  ];
  for (const [obj, ...wanted] of cases) expect(health('parapet.dev_PolicySource', obj)).toEqual(wanted);
});

test('a NodeReport is what its policies say', () => {
  const report = (...states: ('Enforced' | 'Degraded' | 'Rejected' | 'Pending')[]) =>
    nodeReport('n1', { policies: states.map((state, index) => policyReport(`p${index}`, { state })) });
  const cases: readonly (readonly [obj: unknown, status: string, message: string])[] = [
    [report('Enforced', 'Enforced'), 'Healthy', 'all policies are in force'],
    [report(), 'Healthy', 'all policies are in force'],
    [report('Enforced', 'Pending'), 'Progressing', '1 of 2 policies not yet in force'],
    [report('Degraded', 'Pending', 'Rejected'), 'Degraded', 'the node cannot hold p0, p2'],
    [
      report(...Array.from({ length: 12 }, () => 'Degraded' as const)),
      'Degraded',
      'the node cannot hold p0, p1, p2, p3, p4, p5, p6, p7, p8, p9 and 2 more',
    ],
    [{ metadata: { name: 'n1' } }, 'Progressing', "waiting for the node's agent"],
  ];
  for (const [obj, ...wanted] of cases) expect(health('parapet.dev_NodeReport', obj)).toEqual(wanted);
});

test('no object makes a script fail: one that is not understood is not healthy', () => {
  const odd: readonly unknown[] = [
    {},
    { status: 'fine', metadata: 'x', spec: 7 },
    { status: { conditions: 'x', policies: 3 } },
    { status: { conditions: ['x', { status: 'True' }, { type: 7 }, { type: 'Enforced' }, { type: 'Ready', message: 5 }] } },
    { metadata: { generation: 'two' }, status: { observedGeneration: {}, conditions: [{ type: 'Enforced', status: true }] } },
    { status: { policies: ['x', { state: 'Degraded' }, { state: {}, name: {} }] } },
  ];
  for (const script of Object.values(healthScripts()))
    for (const obj of odd) expect(['Progressing', 'Degraded', 'Healthy']).toContain(runHealth(script, obj).status);
  for (const kind of [...POLICIES, 'parapet.dev_PolicySource']) for (const obj of odd) expect(health(kind, obj)[0]).toBe('Progressing');
});

test('numbers that Argo CD hands over as texts count as well', () => {
  const obj = policy({ ...FINE, Enforced: ['True'] }, { observedGeneration: '1' });
  expect(health(POLICIES[0] ?? '', { ...obj, metadata: { generation: '2' } })[0]).toBe('Progressing');
});

test('the ConfigMap holds a script for every kind, under the names that Argo CD looks for', () => {
  expect(healthConfigMap('argocd')).toMatchObject({ kind: 'ConfigMap', metadata: { name: 'argocd-cm', namespace: 'argocd' } });
  const keys = Object.keys((healthConfigMap('argocd') as { data: object }).data);
  expect(keys).toEqual(Object.keys(healthScripts()).map((kind) => `resource.customizations.health.${kind}`));
  for (const key of keys) expect(key).toMatch(/^[-._a-zA-Z0-9]+$/);
  expect(exclusions()).toEqual([{ apiGroups: ['parapet.dev'], kinds: ['NodeReport'], clusters: ['*'] }]);
});

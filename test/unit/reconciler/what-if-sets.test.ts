import { expect, test } from '@jest/globals';
import type { PolicyKind } from '@parapet/policy';
import type { Change, PlannedPolicy } from '../../../reconciler/src/delivery.ts';
import { changesOf, placesOf, whatIfSets } from '../../../reconciler/src/what-if-sets.ts';
import { manifest } from './builders.ts';
import { planned } from './deliveries.ts';

const breathe = (): Promise<void> => Promise.resolve();
const change = (kind: PolicyKind, namespace = ''): PlannedPolicy => ({ kind, namespace, name: 'a', change: 'added', problems: [] });
const places = (...changes: readonly PlannedPolicy[]): string[] => placesOf(changes).map(({ kind, namespace }) => `${kind} ${namespace}`);

test('policies that are in the way of the changed ones are those of their namespaces and of the cluster', () => {
  expect(places(change('KubeArmorPolicy', 'shop'), change('KubeArmorPolicy', 'shop'))).toEqual([
    'KubeArmorPolicy shop',
    'KubeArmorClusterPolicy ',
  ]);
  expect(places(change('KubeArmorHostPolicy'))).toEqual(['KubeArmorHostPolicy ']);
  expect(places(change('KubeArmorClusterPolicy'), change('KubeArmorPolicy', 'shop'))).toEqual([
    'KubeArmorPolicy ',
    'KubeArmorClusterPolicy ',
  ]);
  expect(places()).toEqual([]);
});

test('a revision that touches very many namespaces asks once, for all', () => {
  const many = Array.from({ length: 17 }, (_, index) => change('KubeArmorPolicy', `n${index}`));
  expect(places(...many)).toEqual(['KubeArmorPolicy ', 'KubeArmorClusterPolicy ']);
  expect(places(...many.slice(1))).toHaveLength(17);
});

test('after it there is what stays and what is wanted, and not what is removed', async () => {
  const all = (['added', 'changed', 'removed', 'unchanged', 'left', 'kept', 'refused'] as const).map((one: Change) =>
    planned(one, one, { action: 'Audit' }),
  );
  const changes = changesOf(all);
  const stored = ['changed', 'removed', 'unchanged', 'left', 'kept', 'foreign'].map((name) => manifest(name));
  const { before, after } = await whatIfSets(changes, [...stored, { ...manifest('broken'), spec: 7 }], breathe);
  const actions = ({ policies }: typeof before): Record<string, string | undefined> =>
    Object.fromEntries(policies.map(({ name, rules }) => [name, rules[0]?.action]));
  const same = { unchanged: 'Block', left: 'Block', kept: 'Block', foreign: 'Block' };
  expect(actions(before)).toEqual({ changed: 'Block', removed: 'Block', ...same });
  expect(actions(after)).toEqual({ added: 'Audit', changed: 'Audit', ...same });
});

test('other work goes on while thousands are parsed', async () => {
  let pauses = 0;
  const stored = Array.from({ length: 1000 }, (_, index) => manifest(`p${index}`));
  const { before } = await whatIfSets([], stored, () => Promise.resolve(void (pauses += 1)));
  expect([before.policies.length, pauses]).toEqual([1000, 4]);
});

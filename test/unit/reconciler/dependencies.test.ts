import { expect, test } from '@jest/globals';
import { isReady, obstacleOf } from '../../../reconciler/src/dependencies.ts';
import type { OpenObject, SourceObject } from '../../../reconciler/src/source-loop-parts.ts';
import { nextStatus, NO_STATUS } from '../../../reconciler/src/source-status.ts';
import { sourceObject } from './loop-world.ts';

const named = (name: string, ...dependsOn: readonly string[]): OpenObject =>
  sourceObject({ dependsOn: dependsOn.map((one) => ({ name: one })) }, { name, uid: name }) as OpenObject;
const done = (object: SourceObject): SourceObject => {
  const ended = {
    revision: 'r',
    digest: 'd',
    startedAt: new Date(0),
    policies: { total: 0, enforced: 0, degraded: 0, refused: 0 },
    message: '',
  };
  return { ...object, status: nextStatus(NO_STATUS, { kind: 'succeeded', ...ended }, { now: new Date(0), generation: 1 }) };
};
const among =
  (...objects: readonly SourceObject[]) =>
  (name: string): SourceObject | undefined =>
    objects.find(({ identity }) => name === `${identity.namespace}/${identity.name}`);

test('without dependencies, and with ready ones, nothing is in the way', () => {
  expect(obstacleOf(named('a'), among())).toBeUndefined();
  expect(obstacleOf(named('a', 'b'), among(done(named('b'))))).toBeUndefined();
});

test('one that is missing or not ready is named, with its own reason', () => {
  expect(obstacleOf(named('a', 'b'), among())).toBe('it depends on the PolicySource parapet-system/b, and there is none');
  expect(obstacleOf(named('a', 'b'), among(named('b')))).toMatch(/parapet-system\/b, which is not ready: nobody has looked at it yet$/);
});

test('ready counts for the spec as it is now only', () => {
  const before = done(named('b'));
  const changed = { ...before, identity: { ...before.identity, generation: 2 } };
  expect([isReady(before), isReady(changed)]).toEqual([true, false]);
  expect(obstacleOf(named('a', 'b'), among(changed))).toMatch(/its new spec is not carried out yet$/);
});

test('sources that wait for each other are told so, by the whole circle', () => {
  const [a, b, c] = [named('a', 'b'), named('b', 'c'), named('c', 'a')];
  expect(obstacleOf(a, among(a, b, c))).toBe(
    'it depends on itself, so it never gets ready: parapet-system/a → parapet-system/b → parapet-system/c → parapet-system/a',
  );
});

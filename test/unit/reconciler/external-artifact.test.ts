import { expect, test } from '@jest/globals';
import type { ApiObject } from '../../../reconciler/src/api-object.ts';
import {
  artifactFailed,
  artifactReady,
  externalArtifact,
  fluxRevision,
  isArtifactOf,
  isOwnedBy,
  publishedIn,
  saysTheSame,
} from '../../../reconciler/src/external-artifact.ts';
import { faultsOf } from '../../support/flux/definition.ts';
import { hash } from './builders.ts';

const OWNER = { namespace: 'shop', name: 'policies', uid: '3f0c6d1e-0000-4000-8000-000000000000' };
const NOW = Date.parse('2026-01-02T03:04:05.678Z');
const LATER = NOW + 60_000;

/** As the API server would keep it. */
const stored = (object: ApiObject, generation = 1): ApiObject => ({
  ...object,
  metadata: { ...(object['metadata'] as object), generation },
});
const created = stored(externalArtifact(OWNER, 'policies'));
const artifact = (digit: string) => {
  const digest = digit.repeat(64);
  return { digest, size: 20480, path: `shop/policies/${digest}.tar.gz` };
};
function ready(digit: string, commit: string, { before = created, now = NOW } = {}): ApiObject {
  const made = {
    artifact: artifact(digit),
    revision: fluxRevision('main', hash(commit)),
    policies: 12,
    baseUrl: 'http://files.parapet.svc./',
  };
  return { ...before, ...artifactReady(made, { before, now }), metadata: before['metadata'], spec: before['spec'] };
}
const artifactIn = (object: ApiObject) => (object['status'] as { artifact: Record<string, unknown> }).artifact;
const conditionIn = (object: ApiObject) => (object['status'] as { conditions: Record<string, unknown>[] }).conditions[0];

test('objects are as Flux defines them, whatever happened', () => {
  const made = [created, ready('a', 'a'), artifactFailed({ reason: 'FetchFailed', message: 'no' }, { before: created, now: NOW })];
  const failed = artifactFailed({ reason: 'StorageOperationFailed', message: 'x'.repeat(99_999) }, { before: ready('a', 'a'), now: NOW });
  for (const object of [...made, failed]) expect(faultsOf(object)).toEqual([]);
  expect(faultsOf({ ...created, status: { artefact: {} } })).not.toEqual([]);
  expect(faultsOf({ ...ready('a', 'a'), status: { artifact: { ...artifactIn(ready('a', 'a')), lastUpdateTime: 'now' } } })).not.toEqual([]);
});

test('it refers to its source, and goes with it', () => {
  expect(created).toMatchObject({
    apiVersion: 'source.toolkit.fluxcd.io/v1',
    kind: 'ExternalArtifact',
    metadata: {
      name: 'policies',
      namespace: 'shop',
      ownerReferences: [{ apiVersion: 'parapet.dev/v1alpha1', kind: 'PolicySource', name: 'policies', uid: OWNER.uid }],
    },
    spec: { sourceRef: { apiVersion: 'parapet.dev/v1alpha1', kind: 'PolicySource', name: 'policies', namespace: 'shop' } },
  });
  expect(isArtifactOf(created, OWNER)).toBe(true);
  expect(isArtifactOf(created, { ...OWNER, name: 'other' })).toBe(false);
  expect(
    isArtifactOf({ spec: { sourceRef: { apiVersion: 'source.example.com/v1', kind: 'PolicySource', name: 'policies' } } }, OWNER),
  ).toBe(false);
  expect(isArtifactOf({}, OWNER)).toBe(false);
  expect([isOwnedBy(created, OWNER), isOwnedBy(created, { ...OWNER, uid: 'later' }), isOwnedBy({}, OWNER)]).toEqual([true, false, false]);
});

test('it says where the artifact is, and the commit where Flux looks for it', () => {
  expect(artifactIn(ready('a', 'b'))).toEqual({
    digest: `sha256:${'a'.repeat(64)}`,
    lastUpdateTime: '2026-01-02T03:04:05Z',
    path: `shop/policies/${'a'.repeat(64)}.tar.gz`,
    revision: `main@sha1:${hash('b')}`,
    size: 20480,
    url: `http://files.parapet.svc./shop/policies/${'a'.repeat(64)}.tar.gz`,
    metadata: { 'org.opencontainers.image.revision': `main@sha1:${hash('b')}`, 'parapet.dev/policies': '12' },
  });
  expect(conditionIn(ready('a', 'b'))).toMatchObject({ type: 'Ready', status: 'True', reason: 'Succeeded', observedGeneration: 1 });
  expect(publishedIn(ready('a', 'b'))).toEqual({ digest: 'a'.repeat(64), revision: `main@sha1:${hash('b')}`, policies: 12 });
});

test.each([
  [undefined, hash('a'), `sha1:${hash('a')}`],
  ['main', hash('a'), `main@sha1:${hash('a')}`],
  ['refs/pull/42/head', hash('a'), `refs/pull/42/head@sha1:${hash('a')}`],
  [hash('a'), hash('a'), `sha1:${hash('a')}`],
  ['main', 'a'.repeat(64), `main@sha256:${'a'.repeat(64)}`],
])('a revision of %s at %s is %s', (ref, commit, text) => {
  expect(fluxRevision(ref, commit)).toBe(text);
});

test('the time of the artifact changes with its bytes only, that of the condition with its state only', () => {
  const first = ready('a', 'a');
  const same = ready('a', 'b', { before: first, now: LATER });
  expect(artifactIn(same)).toMatchObject({ revision: `main@sha1:${hash('b')}`, lastUpdateTime: '2026-01-02T03:04:05Z' });
  const other = ready('c', 'b', { before: first, now: LATER });
  expect(artifactIn(other)['lastUpdateTime']).toBe('2026-01-02T03:05:05Z');
  expect(conditionIn(other)?.['lastTransitionTime']).toBe('2026-01-02T03:04:05Z');
  const failed = artifactFailed({ reason: 'VerificationFailed', message: 'no' }, { before: first, now: LATER });
  expect(artifactIn(failed)).toEqual(artifactIn(first));
  expect(conditionIn(failed)).toMatchObject({ status: 'False', reason: 'VerificationFailed', lastTransitionTime: '2026-01-02T03:05:05Z' });
});

test('what would change nothing but times is known', () => {
  const first = ready('a', 'a');
  expect(saysTheSame(first, ready('a', 'a', { before: first, now: LATER }))).toBe(true);
  const shuffled = {
    ...first,
    status: { ...(first['status'] as object), artifact: Object.fromEntries(Object.entries(artifactIn(first)).reverse()) },
  };
  expect(saysTheSame(shuffled, first)).toBe(true);
  expect(saysTheSame(first, ready('a', 'b', { before: first }))).toBe(false);
  expect(saysTheSame(first, ready('b', 'a', { before: first }))).toBe(false);
  expect(saysTheSame(created, first)).toBe(false);
  expect(saysTheSame(first, artifactFailed({ reason: 'FetchFailed', message: '' }, { before: first, now: NOW }))).toBe(false);
});

test.each([
  undefined,
  {},
  { status: null },
  { status: { artifact: [] } },
  { status: { artifact: { digest: 'sha512:aa' } } },
  { status: 1 },
])('an object that says %j says nothing of an artifact', (object) => {
  expect(publishedIn(object as ApiObject | undefined)).toBeUndefined();
});

import { describe, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { POLICY_KINDS } from '@parapet/policy';
import { CONFIRM_PRUNE, readSourceObject, REQUESTED_AT } from '../../../reconciler/src/source-object.ts';
import { commitOf, complaintsOf, read, sourceObject, URL } from './source-objects.ts';

test('a URL is enough: everything else has a default', () => {
  expect(read({})).toEqual({
    url: URL,
    ref: { kind: 'default' },
    path: '.',
    interval: 60_000,
    retryInterval: 60_000,
    timeout: 60_000,
    suspend: false,
    prune: true,
    pruneLimit: 50,
    deletionPolicy: 'MirrorPrune',
    force: false,
    drift: 'Correct',
    allowEmpty: false,
    dependsOn: [],
    allow: { kinds: POLICY_KINDS, namespaces: 'all' },
    delivery: { mode: 'Direct' },
  });
});

test('every field is read', () => {
  const spec = read({
    ref: { branch: 'main' },
    path: './clusters//a/',
    interval: '1h30m',
    retryInterval: '500ms',
    timeout: '5m',
    suspend: true,
    prune: false,
    pruneLimit: 0,
    deletionPolicy: 'Orphan',
    force: true,
    drift: 'Report',
    allowEmpty: true,
    dependsOn: [{ name: 'base' }, { name: 'base', namespace: 'infra' }, { name: 'base' }],
    targetNamespace: 'shop',
    serviceAccountName: 'shop-policies',
    secretRef: { name: 'git' },
    verify: { secretRef: { name: 'signers' } },
    ignore: '*.test.ts\n!keep.test.ts\n',
    allow: { kinds: ['KubeArmorPolicy', 'KubeArmorPolicy'], namespaces: ['shop'] },
    delivery: { mode: 'FluxArtifact', artifactName: 'rendered' },
    statuses: {
      provider: 'GitLab',
      apiUrl: 'https://git.test/api/v4/',
      repository: 'a/b/c',
      secretRef: { name: 'host' },
      targetUrl: 'https://x.test/',
    },
    pullRequests: { comment: false, limit: 3 },
    webhook: { secretRef: { name: 'hook' } },
  });
  expect(spec).toEqual({
    url: URL,
    ref: { kind: 'branch', value: 'main' },
    path: 'clusters/a',
    interval: 5_400_000,
    retryInterval: 500,
    timeout: 300_000,
    suspend: true,
    prune: false,
    pruneLimit: 0,
    deletionPolicy: 'Orphan',
    force: true,
    drift: 'Report',
    allowEmpty: true,
    dependsOn: [
      { name: 'base', namespace: 'parapet-system' },
      { name: 'base', namespace: 'infra' },
    ],
    targetNamespace: 'shop',
    serviceAccountName: 'shop-policies',
    secret: { name: 'git' },
    verify: { mode: 'Head', secret: { name: 'signers' } },
    ignore: '*.test.ts\n!keep.test.ts\n',
    allow: { kinds: ['KubeArmorPolicy'], namespaces: ['shop'] },
    delivery: { mode: 'FluxArtifact', artifactName: 'rendered' },
    statuses: {
      provider: 'GitLab',
      apiUrl: 'https://git.test/api/v4',
      repository: 'a/b/c',
      secret: { name: 'host' },
      targetUrl: 'https://x.test/',
    },
    pullRequests: { comment: false, limit: 3 },
    webhookSecret: { name: 'hook' },
  });
});

describe('who it is', () => {
  test('is read also where the spec is wrong', () => {
    const { identity, spec } = readSourceObject(
      sourceObject({
        metadata: { deletionTimestamp: '2026-01-01T00:00:00Z', finalizers: ['a', 7], annotations: { [REQUESTED_AT]: 'now' } },
        spec: {},
      }),
    );
    expect(spec).toBeUndefined();
    expect(identity).toEqual({
      namespace: 'parapet-system',
      name: 'shop',
      uid: 'u-1',
      generation: 3,
      isDeleted: true,
      finalizers: ['a'],
      requestedAt: 'now',
    });
  });

  test('a commit may be confirmed, by its full hash only', () => {
    const withAnnotation = (commit: string): unknown => sourceObject({ metadata: { annotations: { [CONFIRM_PRUNE]: commit } } });
    expect(readSourceObject(withAnnotation(commitOf('a'))).identity).toMatchObject({ confirmPrune: commitOf('a') });
    const half = readSourceObject(withAnnotation('abc1234'));
    expect(half.identity).not.toHaveProperty('confirmPrune');
    expect(half.spec).toBeDefined();
    expect(half.problems).toMatchObject([
      { code: 'invalid-value', severity: 'warning', place: { field: `metadata.annotations["${CONFIRM_PRUNE}"]` } },
    ]);
  });

  test.each([
    ['nothing', null],
    ['a list', []],
    ['another kind', sourceObject({ kind: 'Pod' })],
    ['another version', sourceObject({ apiVersion: 'v1' })],
    ['no name', sourceObject({ metadata: { name: undefined } })],
    ['a name of another kind', sourceObject({ metadata: { name: '../x' } })],
    ['a name that is no label', sourceObject({ metadata: { name: 'a'.repeat(64) } })],
    ['no namespace', sourceObject({ metadata: { namespace: null } })],
  ])('%s is nobody', (_what, value) => {
    const { identity, spec, problems } = readSourceObject(value);
    expect([identity, spec]).toEqual([undefined, undefined]);
    expect(problems.length).toBeGreaterThan(0);
  });
});

describe('which commit', () => {
  test.each([
    [{ branch: 'release/1' }, { kind: 'branch', value: 'release/1' }],
    [{ tag: 'v1' }, { kind: 'tag', value: 'v1' }],
    [{ semver: '>=1.2.0 <2' }, { kind: 'semver', value: '>=1.2.0 <2' }],
    [{ commit: commitOf('a') }, { kind: 'commit', value: commitOf('a') }],
    [{ name: 'refs/pull/42/head' }, { kind: 'name', value: 'refs/pull/42/head' }],
  ])('%j', (ref, means) => expect(read({ ref }).ref).toEqual(means));

  test.each([
    [{}, 'spec.ref invalid-value: must have exactly one of branch, tag, semver, commit, name, and has nothing'],
    [
      { branch: 'a', tag: 'b' },
      'spec.ref invalid-value: must have exactly one of branch, tag, semver, commit, name, and has branch and tag',
    ],
    [{ branch: '--upload-pack=x' }, `spec.ref.branch invalid-value: "--upload-pack=x" can't be the name of a reference`],
    [{ commit: 'abc' }, 'spec.ref.commit invalid-value: "abc" is not a full commit hash (40 or 64 digits, a to f in lower case)'],
    [{ semver: 'newest' }, 'spec.ref.semver invalid-value: "newest" is not a range of versions (such as 1.x or >=1.2.0 <2)'],
    [{ name: 'main' }, 'spec.ref.name invalid-value: "main" is not a full name (refs/heads/… or refs/pull/42/head; or branch: main)'],
    [{ brnch: 'a' }, 'spec.ref.brnch unknown-field: is not a field of this API (did you mean branch?)'],
  ])('%j is refused', (ref, complaint) => expect(complaintsOf({ ref })).toContain(complaint));
});

describe('URLs', () => {
  test.each([
    ['git@git.test:shop/policies.git', 'ssh://git@git.test/shop/policies.git'],
    ['/srv/policies', 'file:///srv/policies'],
    ['http://git.test/p', 'http://git.test/p'],
  ])('%s is taken', (url, means) => expect(read({ url }).url).toBe(means));

  test.each([
    'https://s3cret@git.test/p',
    'https://you:s3cret@git.test/p',
    'ssh://git:s3cret@git.test/p',
    'git:s3cret@git.test:p',
    'ext::sh -c s3cret',
    'https://git.test/p?token=s3cret',
    'https://[s3cret',
    `https://git.test/${'s3cret'.repeat(400)}`,
  ])('%s is refused, and not repeated', (url) => {
    const said = complaintsOf({ url });
    expect(said).toMatchObject([expect.stringMatching(/^spec\.url invalid-value: /)]);
    expect(said.join()).not.toContain('s3cret');
  });
});

test.each([
  [{ interval: '0s' }, 'spec.interval invalid-value: "0s" is not a duration from 500ms to 24h (write one such as 30s, 5m or 1h30m)'],
  [{ timeout: '25h' }, 'spec.timeout invalid-value: "25h" is not a duration from 500ms to 24h (write one such as 30s, 5m or 1h30m)'],
  [{ retryInterval: 30 }, 'spec.retryInterval wrong-type: must be a text, not 30 (write it in quotes: "30")'],
  [{ path: '../x' }, 'spec.path invalid-path: "../x" is not a folder of the repository (use a relative path without ..)'],
  [{ path: '/x' }, 'spec.path invalid-path: "/x" is not a folder of the repository (use a relative path without ..)'],
  [{ suspend: 'yes' }, 'spec.suspend wrong-type: must be true or false, not "yes"'],
  [{ pruneLimit: 101 }, 'spec.pruneLimit invalid-value: must be a whole number from 0 to 100, not 101'],
  [{ drift: 'Ignore' }, 'spec.drift invalid-value: must be Correct or Report, not "Ignore"'],
  [{ dependsOn: [{ name: 'shop' }] }, 'spec.dependsOn[0] invalid-value: a source cannot wait for itself'],
  [{ dependsOn: [{}] }, 'spec.dependsOn[0].name missing-field: is required'],
  [
    { targetNamespace: 'a.b' },
    'spec.targetNamespace invalid-name: "a.b" is not the name of a namespace (lower-case letters, digits and -, first and last a letter or digit)',
  ],
  [
    { secretRef: { name: 'x', namespace: 'kube-system' } },
    "spec.secretRef.namespace unknown-field: is not a field of this API (Secrets are in the source's own namespace)",
  ],
  [
    { verify: { mode: 'Tag', secretRef: { name: 'x' } } },
    'spec.verify.mode invalid-value: Tag needs a tag, and ref names none (ref: { tag: … }, or mode: Head)',
  ],
  [{ verify: {} }, 'spec.verify.secretRef missing-field: is required (a Secret with the public keys of the signers)'],
  [{ allow: { namespaces: [] } }, 'spec.allow.namespaces invalid-value: allows nothing at all (leave it out to allow everything)'],
  [
    { allow: { kinds: ['Pod'] } },
    'spec.allow.kinds[0] invalid-value: must be KubeArmorPolicy or KubeArmorClusterPolicy or KubeArmorHostPolicy, not "Pod"',
  ],
  [{ ignore: 'x'.repeat(65_537) }, 'spec.ignore invalid-value: has 65537 characters, and at most 65536 are taken'],
  [{ webhook: {} }, 'spec.webhook.secretRef missing-field: is required (a Secret with token)'],
  [{ intervall: '1m' }, 'spec.intervall unknown-field: is not a field of this API (did you mean interval?)'],
])('%j is refused with a sentence', (fields, complaint) => expect(complaintsOf(fields)).toEqual([complaint]));

test('a tag can be verified', () => {
  const verify = { mode: 'TagAndHead', secretRef: { name: 'x' } };
  expect(read({ ref: { semver: '1.x' }, verify }).verify).toEqual({ mode: 'TagAndHead', secret: { name: 'x' } });
  expect(read({ ref: { name: 'refs/tags/v1' }, verify }).verify).toBeDefined();
});

test('everything that is wrong is said at once, with the name of the source', () => {
  const { problems } = readSourceObject(sourceObject({ spec: { ref: {}, interval: 'soon', colour: 1 } }));
  expect(problems.map(({ place }) => place.field)).toEqual(['spec.colour', 'spec.url', 'spec.ref', 'spec.interval']);
  expect(new Set(problems.map(({ place }) => place.object))).toEqual(new Set(['PolicySource parapet-system/shop']));
});

test('no value makes the reader throw, and a spec comes without errors only', () => {
  const anything = fc.anything({ withNullPrototype: true });
  const wrapped = fc.dictionary(
    fc.constantFrom('url', 'ref', 'delivery', 'statuses', 'allow', 'dependsOn', 'verify', 'path', '__proto__'),
    anything,
  );
  fc.assert(
    fc.property(
      fc.oneof(
        anything,
        wrapped.map((spec) => sourceObject({ spec })),
      ),
      (value) => {
        const { spec, problems } = readSourceObject(value);
        expect(spec === undefined).toBe(problems.some(({ severity }) => severity === 'error'));
      },
    ),
  );
});

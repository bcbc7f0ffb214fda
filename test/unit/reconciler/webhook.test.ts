import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { HostKind } from '../../../reconciler/src/source-spec.ts';
import type { WebhookDelivery } from '../../../reconciler/src/webhook-delivery.ts';
import { MAX_BODY_BYTES, readDelivery } from '../../../reconciler/src/webhook.ts';
import { AFTER, bitbucket, gitea, github, gitlab, GONE, PUSHES } from './webhook-payloads.ts';
import type { Sent } from './webhook-payloads.ts';

const HOSTS = Object.keys(PUSHES) as HostKind[];

function read(sent: Sent): WebhookDelivery {
  const reading = readDelivery(sent);
  if ('fault' in reading) throw new Error(reading.fault);
  return reading.delivery;
}
const fault = (sent: { headers: Record<string, string>; body: Buffer | string }): string | undefined => {
  const reading = readDelivery({ ...sent, body: Buffer.from(sent.body) });
  return 'fault' in reading ? reading.fault : undefined;
};

test.each(HOSTS)('a push told by %s says repository, reference, commit and which delivery it is', (host) => {
  const delivery = read(PUSHES[host]());
  expect(delivery).toMatchObject({
    host,
    id: '72d3162e-cc78-11e3-81ab-4c9367dc0958',
    event: 'push',
    repository: { fullName: 'shop/policies' },
    changes: [{ ref: 'refs/heads/main', commit: AFTER, deleted: false }],
  });
  expect(delivery.repository.urls.length).toBeGreaterThan(1);
  expect(delivery.pullRequest).toBeUndefined();
});

test.each(HOSTS)('a tag and a deleted branch are told by %s', (host) => {
  expect(read(PUSHES[host]('refs/tags/v1.2.3'))).toMatchObject({ event: 'tag', changes: [{ ref: 'refs/tags/v1.2.3', commit: AFTER }] });
  expect(read(PUSHES[host]('refs/heads/old', GONE)).changes).toEqual([{ ref: 'refs/heads/old', deleted: true }]);
});

test('of a tag with a message, what it stands for counts, where the host says it', () => {
  const ref = 'refs/tags/v1';
  const commit = 'c'.repeat(40);
  expect(read(github('push', { ref, after: AFTER, head_commit: { id: commit } })).changes).toMatchObject([{ commit }]);
  expect(read(gitlab('Tag Push Hook', { object_kind: 'tag_push', ref, after: AFTER, checkout_sha: commit })).changes).toMatchObject([
    { commit },
  ]);
});

test.each<[string, Sent, Partial<WebhookDelivery>]>([
  ['a ping', github('ping', { zen: 'Speak like a human.', hook_id: 1 }), { host: 'GitHub', event: 'ping' }],
  ['a star', github('star', { action: 'created' }), { event: 'ignored' }],
  ['a comment on a pull request', github('issue_comment', { action: 'created' }), { event: 'ignored' }],
  ['a pull request with another title', github('pull_request', { action: 'edited', number: 7, pull_request: {} }), { event: 'ignored' }],
  ['a pipeline', gitlab('Pipeline Hook', { object_kind: 'pipeline' }), { host: 'GitLab', event: 'ignored' }],
  ['a release', gitea('release', { action: 'published' }), { host: 'Gitea', event: 'ignored' }],
  ['a fork', bitbucket('repo:fork', {}), { host: 'Bitbucket', event: 'ignored' }],
  [
    'a merge request with another label',
    gitlab('Merge Request Hook', { object_kind: 'merge_request', object_attributes: { iid: 7, action: 'update' } }),
    { event: 'ignored' },
  ],
  [
    'a push told by a hook of the whole GitLab',
    gitlab('System Hook', { object_kind: 'push', ref: 'refs/heads/main', after: AFTER, checkout_sha: AFTER }),
    { event: 'push', changes: [{ ref: 'refs/heads/main', commit: AFTER, deleted: false }] },
  ],
  [
    'a tag that Gitea tells of on its own',
    gitea('create', { ref: 'v1', ref_type: 'tag', sha: AFTER }),
    { event: 'tag', changes: [{ ref: 'refs/tags/v1', commit: AFTER, deleted: false }] },
  ],
  [
    'a branch that Gitea deleted',
    gitea('delete', { ref: 'old', ref_type: 'branch' }),
    { event: 'push', changes: [{ ref: 'refs/heads/old', deleted: true }] },
  ],
  [
    'several references at once',
    bitbucket('repo:push', {
      push: {
        changes: [
          { old: null, new: { type: 'branch', name: 'main', target: { hash: AFTER } } },
          { old: null, new: { type: 'tag', name: 'v1', target: { hash: AFTER } } },
        ],
      },
    }),
    {
      event: 'push',
      changes: [
        { ref: 'refs/heads/main', commit: AFTER, deleted: false },
        { ref: 'refs/tags/v1', commit: AFTER, deleted: false },
      ],
    },
  ],
])('%s is told from the rest', (_what, sent, expected) => {
  expect(read(sent)).toMatchObject(expected);
});

const pull = { pull_request: { head: { ref: 'topic', sha: AFTER }, base: { ref: 'main' } } };
const merge = (action: string): object => ({
  object_kind: 'merge_request',
  object_attributes: { iid: 42, action, oldrev: 'b'.repeat(40), target_branch: 'main', source_branch: 'topic', last_commit: { id: AFTER } },
});
const request = { id: 42, source: { commit: { hash: AFTER.slice(0, 12) } }, destination: { branch: { name: 'main' } } };

test.each<[string, Sent, string, string | undefined]>([
  ['GitHub opened', github('pull_request', { action: 'opened', number: 42, ...pull }), 'opened', AFTER],
  ['GitHub synchronize', github('pull_request', { action: 'synchronize', number: 42, ...pull }), 'synchronized', AFTER],
  ['GitHub reopened', github('pull_request', { action: 'reopened', number: 42, ...pull }), 'reopened', AFTER],
  ['GitHub closed', github('pull_request', { action: 'closed', number: 42, ...pull }), 'closed', AFTER],
  ['Gitea synchronized', gitea('pull_request', { action: 'synchronized', number: 42, ...pull }), 'synchronized', AFTER],
  ['GitLab open', gitlab('Merge Request Hook', merge('open')), 'opened', AFTER],
  ['GitLab update', gitlab('Merge Request Hook', merge('update')), 'synchronized', AFTER],
  ['GitLab merge', gitlab('Merge Request Hook', merge('merge')), 'closed', AFTER],
  // Bitbucket abbreviates hashes
  ['Bitbucket created', bitbucket('pullrequest:created', { pullrequest: request }), 'opened', undefined],
  ['Bitbucket updated', bitbucket('pullrequest:updated', { pullrequest: request }), 'synchronized', undefined],
  ['Bitbucket fulfilled', bitbucket('pullrequest:fulfilled', { pullrequest: request }), 'closed', undefined],
])('a pull request: %s', (...[, sent, action, head]) => {
  const { event, pullRequest } = read(sent);
  expect(event).toBe('pull-request');
  expect(pullRequest).toEqual({ number: 42, action, base: 'main', ...(head === undefined ? {} : { head }) });
});

test('Forgejo and Gogs are read as Gitea, and Gitea is not taken for the GitHub that its headers also name', () => {
  const { body } = PUSHES.Gitea();
  expect(read(PUSHES.Gitea()).host).toBe('Gitea');
  expect(read({ headers: { 'x-forgejo-event': 'push', 'x-forgejo-delivery': 'd1' }, body })).toMatchObject({ host: 'Gitea', id: 'd1' });
  expect(read({ headers: { 'x-gogs-event': 'push', 'x-gogs-delivery': 'd2' }, body })).toMatchObject({ host: 'Gitea', id: 'd2' });
});

test('a name of a delivery that several share, or that is no name, is none', () => {
  const { headers, body } = PUSHES.GitLab();
  const old = Object.fromEntries(Object.entries(headers).filter(([name]) => name !== 'idempotency-key'));
  expect(read({ headers: old, body }).id).toBeUndefined();
  expect(read({ headers: { ...headers, 'idempotency-key': 'x'.repeat(1000) }, body }).id).toBeUndefined();
});

test.each<[string, { headers: Record<string, string>; body: Buffer | string }, RegExp]>([
  ['no host', { headers: {}, body: '{}' }, /^no header says which event/],
  ['no JSON', { headers: { 'x-github-event': 'push' }, body: 'ref=main' }, /is not JSON/],
  ['no UTF-8', { headers: { 'x-github-event': 'push' }, body: Buffer.from([0x7b, 0xff, 0x7d]) }, /is not JSON/],
  ['a list', { headers: { 'x-github-event': 'push' }, body: '[]' }, /not a JSON object/],
  ['nothing', { headers: { 'x-github-event': 'push' }, body: 'null' }, /not a JSON object/],
  ['depth', { headers: { 'x-github-event': 'push' }, body: `{"a":${'['.repeat(100_000)}${']'.repeat(100_000)}}` }, /nested too deep/],
  ['size', { headers: { 'x-github-event': 'push' }, body: `{"a":"${'x'.repeat(MAX_BODY_BYTES)}"}` }, /larger than a mebibyte/],
  ['a reference that is none', PUSHES.GitHub('refs/heads/../x'), /names no reference/],
  ['a reference that is an option', PUSHES.GitHub('--upload-pack=sh'), /names no reference/],
  ['a short reference', PUSHES.GitHub('main'), /names no reference/],
  ['a hash that is none', PUSHES.GitHub('refs/heads/main', 'HEAD'), /where the reference is now/],
  ['a number of a wrong type', github('pull_request', { action: 'opened', number: '42' }), /no number of a pull request/],
  ['a number out of range', github('pull_request', { action: 'opened', number: -1 }), /no number of a pull request/],
  ['no repository', github('push', { ref: 'refs/heads/main', after: AFTER, repository: { clone_url: 7 } }), /names no repository/],
  ['no changes', bitbucket('repo:push', { push: {} }), /names no reference/],
  ['a change that is none', bitbucket('repo:push', { push: { changes: [null] } }), /names no reference/],
])('%s is a fault that is told', (_what, sent, expected) => {
  expect(fault(sent)).toMatch(expected);
});

test('brackets in strings are no depth, and quotes without an end cost no time', () => {
  const text = '[{"\\'.repeat(10_000);
  expect(read(github('push', { ref: 'refs/heads/main', after: AFTER, text })).event).toBe('push');
  const started = performance.now();
  expect(fault({ headers: { 'x-github-event': 'push' }, body: '"' + '\\"'.repeat(500_000) })).toMatch(/not JSON/);
  expect(performance.now() - started).toBeLessThan(2000);
});

test('names that objects inherit are not read, and nothing is polluted', () => {
  const body = Buffer.from(
    '{"__proto__":{"ref":"refs/heads/main","polluted":1},"constructor":{"prototype":{"polluted":1}},"action":"constructor"}',
  );
  for (const headers of [{ 'x-github-event': 'push' }, { 'x-github-event': 'pull_request' }, { 'x-event-key': 'toString' }]) {
    readDelivery({ headers, body });
  }
  expect(fault({ headers: { 'x-github-event': 'push' }, body })).toMatch(/names no/);
  expect(({} as { polluted?: number }).polluted).toBeUndefined();
  expect(read({ headers: { 'x-event-key': 'constructor' }, body }).event).toBe('ignored');
});

/** JSON in which the names that matter turn up in the wrong places with the wrong types. */
const hostile = fc.letrec<{ value: unknown }>((tie) => ({
  value: fc.oneof(
    { maxDepth: 5 },
    fc.constantFrom<unknown>(
      null,
      true,
      -1,
      42,
      1e999,
      '',
      'push',
      'merge_request',
      'open',
      'refs/heads/main',
      AFTER,
      GONE,
      'https://x.test/a/b',
    ),
    fc.string(),
    fc.array(tie('value'), { maxLength: 3 }),
    fc.dictionary(
      fc.constantFrom(
        ...['ref', 'after', 'repository', 'project', 'clone_url', 'full_name', 'push', 'changes', 'new', 'old', 'name', 'type', 'action'],
        ...['number', 'pull_request', 'head', 'sha', 'object_kind', 'object_attributes', 'iid', 'oldrev', 'pullrequest', 'id', '__proto__'],
      ),
      tie('value'),
      { maxKeys: 8 },
    ),
  ),
})).value;

test('whatever JSON comes with whatever event, it is read or refused, and what is read is sound', () => {
  const headers = fc.constantFrom<Record<string, string>>(
    ...['push', 'pull_request', 'ping'].map((event) => ({ 'x-github-event': event })),
    ...['push', 'pull_request', 'create', 'delete'].map((event) => ({ 'x-gitea-event': event })),
    ...['repo:push', 'pullrequest:created', 'toString'].map((event) => ({ 'x-event-key': event })),
    { 'x-gitlab-event': 'Push Hook' },
  );
  fc.assert(
    fc.property(headers, hostile, (sentHeaders, payload) => {
      const reading = readDelivery({ headers: sentHeaders, body: Buffer.from(JSON.stringify(payload)) });
      if ('fault' in reading) return;
      for (const { ref, commit } of reading.delivery.changes) {
        expect(ref).toMatch(/^refs\/[^\0-\x20~^:?*[\\]+$/);
        if (commit !== undefined) expect(commit).toMatch(/^([0-9a-f]{40}|[0-9a-f]{64})$/);
      }
      for (const url of reading.delivery.repository.urls) expect(url).toMatch(/^\S+$/);
    }),
    { numRuns: 2000 },
  );
});

test('whatever bytes come, nothing is thrown', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 200 }), fc.string(), (bytes, event) => {
      for (const name of ['x-github-event', 'x-gitlab-event', 'x-gitea-event', 'x-event-key']) {
        readDelivery({ headers: { [name]: event }, body: Buffer.from(bytes) });
      }
    }),
  );
});

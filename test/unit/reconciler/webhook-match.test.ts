import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import type { GitRef, HostKind, StatusHostSpec } from '../../../reconciler/src/source-spec.ts';
import type { WebhookDelivery } from '../../../reconciler/src/webhook-delivery.ts';
import { candidatesOf, isConcerned, repositoryKey } from '../../../reconciler/src/webhook-match.ts';
import type { HookSource } from '../../../reconciler/src/webhook-match.ts';
import { readDelivery } from '../../../reconciler/src/webhook.ts';
import { AFTER, github, gitlab, GONE, PUSHES } from './webhook-payloads.ts';
import type { Sent } from './webhook-payloads.ts';

const source = (spec: Partial<HookSource['spec']> = {}): HookSource => ({
  namespace: 'parapet-system',
  name: 'shop',
  spec: { url: 'https://github.com/shop/policies.git', ref: { kind: 'default' }, webhookSecret: { name: 'webhook' }, ...spec },
});
function read(sent: Sent): WebhookDelivery {
  const reading = readDelivery(sent);
  if ('fault' in reading) throw new Error(reading.fault);
  return reading.delivery;
}

test.each([
  'https://github.com/shop/policies',
  'https://github.com/shop/policies.git',
  'https://github.com/shop/policies/',
  'https://github.com//shop//policies.git',
  'https://GitHub.com/Shop/Policies.git',
  'https://user@github.com/shop/policies.git',
  'https://user:token@github.com:443/shop/policies.git',
  'http://github.com:8080/shop/policies.git',
  'https://github.com/shop/%70olicies',
  'git://github.com/shop/policies.git',
  'ssh://git@github.com/shop/policies.git',
  'ssh://git@github.com:22/shop/policies',
  'ssh://git@ssh.github.com:443/shop/policies.git',
  'git@github.com:shop/policies.git',
  'git@github.com:/shop/policies.git',
  'github.com:shop/policies',
])('%s is the same repository in other words', (url) => {
  expect(repositoryKey(url)).toBe('github.com/shop/policies');
});

test.each([
  'https://github.com/shop/policies2',
  'https://github.com/policies',
  'https://github.com.evil.test/shop/policies',
  'https://gitlab.com/shop/policies',
])('%s is another repository', (url) => {
  expect(repositoryKey(url)).not.toBe('github.com/shop/policies');
});

test.each(['', 'file:///srv/policies.git', '/srv/policies.git', 'ext::sh -c id', 'https://github.com', 'nonsense', '-oProxyCommand=x:y'])(
  '%j is no repository of a host',
  (url) => {
    expect(repositoryKey(url)).toBeUndefined();
  },
);

test('whatever text is given for a URL, nothing is thrown', () => {
  fc.assert(
    fc.property(fc.oneof(fc.string({ unit: 'binary' }), fc.webUrl({ withFragments: true })), (url) => {
      const key = repositoryKey(url);
      expect(key === undefined || key.includes('/')).toBe(true);
    }),
  );
});

test('every host names its repository so that a source of any form of URL is found', () => {
  const urls: Record<HostKind, string[]> = {
    GitHub: ['https://github.com/shop/policies', 'git@github.com:shop/policies.git'],
    GitLab: ['https://gitlab.test/shop/policies.git', 'ssh://git@gitlab.test/shop/policies.git'],
    Gitea: ['https://gitea.test/shop/policies.git', 'ssh://git@gitea.test:2222/shop/policies.git'],
    Bitbucket: ['https://you@bitbucket.org/shop/policies.git', 'git@bitbucket.org:shop/policies.git'],
  };
  for (const [host, forms] of Object.entries(urls)) {
    for (const url of forms) {
      const one = source({ url });
      expect(candidatesOf(read(PUSHES[host as HostKind]()), [one, source({ url: 'https://elsewhere.test/shop/policies' })])).toEqual([one]);
    }
  }
});

test('a source without a webhook secret is never a candidate', () => {
  expect(candidatesOf(read(PUSHES.GitHub()), [source({ webhookSecret: undefined })])).toEqual([]);
});

test('a source with a URL of its own is found by the repository that its statuses go to', () => {
  const statuses = (rest: Partial<StatusHostSpec>): StatusHostSpec => ({
    provider: 'Gitea',
    apiUrl: 'https://gitea.test/api/v1',
    repository: 'Shop/policies',
    secret: { name: 'token' },
    ...rest,
  });
  const inside = { url: 'http://gitea.git.svc.cluster.local:3000/shop/policies.git' };
  const right = source({ ...inside, statuses: statuses({}) });
  const wrong = [
    source(inside),
    source({ ...inside, statuses: statuses({ provider: 'GitHub' }) }),
    source({ ...inside, statuses: statuses({ repository: 'shop/other' }) }),
  ];
  expect(candidatesOf(read(PUSHES.Gitea()), [...wrong, right])).toEqual([right]);
});

test.each<[string, GitRef, Sent, boolean]>([
  ['its branch', { kind: 'branch', value: 'main' }, PUSHES.GitHub(), true],
  ['another branch', { kind: 'branch', value: 'main' }, PUSHES.GitHub('refs/heads/mai'), false],
  ['a branch of the same name deeper down', { kind: 'branch', value: 'main' }, PUSHES.GitHub('refs/heads/x/main'), false],
  ['a tag with the name of its branch', { kind: 'branch', value: 'main' }, PUSHES.GitHub('refs/tags/main'), false],
  ['that its branch was deleted', { kind: 'branch', value: 'main' }, PUSHES.GitHub('refs/heads/main', GONE), true],
  ['the default branch', { kind: 'default' }, PUSHES.GitHub(), true],
  ['not the default branch', { kind: 'default' }, PUSHES.GitHub('refs/heads/topic'), false],
  ['any branch where the host does not tell its default one', { kind: 'default' }, PUSHES.Bitbucket('refs/heads/topic'), true],
  ['a tag, when it follows the default branch', { kind: 'default' }, PUSHES.Bitbucket('refs/tags/topic'), false],
  ['its tag', { kind: 'tag', value: 'v1' }, PUSHES.GitHub('refs/tags/v1'), true],
  ['another tag', { kind: 'tag', value: 'v1' }, PUSHES.GitHub('refs/tags/v2'), false],
  ['any tag, when it follows a range', { kind: 'semver', value: '1.x' }, PUSHES.GitHub('refs/tags/v1.2.3'), true],
  ['a branch, when it follows a range', { kind: 'semver', value: '1.x' }, PUSHES.GitHub(), false],
  ['its commit', { kind: 'commit', value: AFTER }, PUSHES.GitHub(), true],
  ['another commit', { kind: 'commit', value: 'c'.repeat(40) }, PUSHES.GitHub(), false],
  ['its reference by full name', { kind: 'name', value: 'refs/heads/main' }, PUSHES.GitHub(), true],
  ['another reference', { kind: 'name', value: 'refs/notes/x' }, PUSHES.GitHub(), false],
  ['a ping', { kind: 'default' }, github('ping', {}), false],
])('a source is concerned by %s, or is not', (...[, ref, sent, concerned]) => {
  expect(isConcerned(source({ ref }), read(sent))).toBe(concerned);
});

const opened = github('pull_request', { action: 'opened', number: 42, pull_request: { head: { sha: AFTER }, base: { ref: 'main' } } });
const merge = gitlab('Merge Request Hook', {
  object_kind: 'merge_request',
  object_attributes: { iid: 42, action: 'open', target_branch: 'main' },
});
const pulls = { pullRequests: { comment: true, limit: 20 } };

test.each<[string, Partial<HookSource['spec']>, Sent, boolean]>([
  ['looks at none', { ref: { kind: 'branch', value: 'main' } }, opened, false],
  ['looks at those into its branch', { ...pulls, ref: { kind: 'branch', value: 'main' } }, opened, true],
  ['follows another branch', { ...pulls, ref: { kind: 'branch', value: 'release' } }, opened, false],
  ['follows the default branch', pulls, opened, true],
  ['follows a branch by its full name', { ...pulls, ref: { kind: 'name', value: 'refs/heads/main' } }, opened, true],
  ['follows another by its full name', { ...pulls, ref: { kind: 'name', value: 'refs/heads/release' } }, opened, false],
  ['follows tags', { ...pulls, ref: { kind: 'semver', value: '1.x' } }, opened, true],
  ['is of the pull request itself', { ref: { kind: 'name', value: 'refs/pull/42/head' } }, opened, true],
  ['is of the merge request itself', { ref: { kind: 'name', value: 'refs/merge-requests/42/head' } }, merge, true],
  ['is of another', { ref: { kind: 'name', value: 'refs/pull/4/head' } }, opened, false],
])('of pull requests: a source that %s', (...[, spec, sent, concerned]) => {
  expect(isConcerned(source(spec), read(sent))).toBe(concerned);
});

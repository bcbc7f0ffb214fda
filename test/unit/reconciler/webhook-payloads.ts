/**
 * Deliveries as hosts send them, cut down to the fields that their documentation names and to what may be confused with those:
 * GitHub https://docs.github.com/en/webhooks/webhook-events-and-payloads,
 * GitLab https://docs.gitlab.com/user/project/integrations/webhook_events/,
 * Gitea https://docs.gitea.com/usage/webhooks,
 * Bitbucket https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/.
 */
import { createHmac } from 'node:crypto';
import type { HostKind } from '../../../reconciler/src/source-spec.ts';
import { hash } from './builders.ts';

export const BEFORE = hash('b');
export const AFTER = hash('a');
export const GONE = '0'.repeat(40);

const ID = '72d3162e-cc78-11e3-81ab-4c9367dc0958';

/** Of the repository shop/policies on each host, whose default branch is main. */
const REPOSITORIES = {
  GitHub: {
    id: 186853002,
    name: 'policies',
    full_name: 'shop/policies',
    html_url: 'https://github.com/shop/policies',
    url: 'https://api.github.com/repos/shop/policies',
    git_url: 'git://github.com/shop/policies.git',
    ssh_url: 'git@github.com:shop/policies.git',
    clone_url: 'https://github.com/shop/policies.git',
    default_branch: 'main',
  },
  GitLab: {
    id: 15,
    name: 'Policies',
    web_url: 'https://gitlab.test/shop/policies',
    git_ssh_url: 'git@gitlab.test:shop/policies.git',
    git_http_url: 'https://gitlab.test/shop/policies.git',
    path_with_namespace: 'shop/policies',
    default_branch: 'main',
  },
  Gitea: {
    id: 140,
    name: 'policies',
    full_name: 'shop/policies',
    html_url: 'https://gitea.test/shop/policies',
    ssh_url: 'ssh://git@gitea.test:2222/shop/policies.git',
    clone_url: 'https://gitea.test/shop/policies.git',
    default_branch: 'main',
  },
  Bitbucket: {
    type: 'repository',
    full_name: 'shop/policies',
    links: { html: { href: 'https://bitbucket.org/shop/policies' } },
    name: 'policies',
    uuid: '{5b5a3d4c-0000-4000-8000-3a6a9ac2e1a4}',
  },
};

export interface Sent {
  readonly headers: Record<string, string>;
  readonly body: Buffer;
}

const sent = (headers: Record<string, string>, payload: unknown): Sent => ({
  headers: { 'content-type': 'application/json', ...headers },
  body: Buffer.from(JSON.stringify(payload)),
});

export const github = (event: string, payload: object): Sent =>
  sent({ 'x-github-event': event, 'x-github-delivery': ID }, { repository: REPOSITORIES.GitHub, ...payload });
export const gitlab = (event: string, payload: object): Sent =>
  sent({ 'x-gitlab-event': event, 'x-gitlab-event-uuid': 'shared', 'idempotency-key': ID }, { project: REPOSITORIES.GitLab, ...payload });
/** With all the headers that Gitea sends, GitHub's among them. */
export const gitea = (event: string, payload: object): Sent =>
  sent(
    { 'x-gitea-event': event, 'x-gitea-delivery': ID, 'x-gogs-event': event, 'x-github-event': event, 'x-github-delivery': 'another' },
    { repository: REPOSITORIES.Gitea, ...payload },
  );
export const bitbucket = (event: string, payload: object): Sent =>
  sent({ 'x-event-key': event, 'x-request-uuid': ID, 'x-attempt-number': '1' }, { repository: REPOSITORIES.Bitbucket, ...payload });

/** A push of `AFTER` to a reference. */
export const PUSHES: Readonly<Record<HostKind, (ref?: string, after?: string) => Sent>> = {
  GitHub: (ref = 'refs/heads/main', after = AFTER) =>
    github('push', { ref, before: BEFORE, after, deleted: after === GONE, head_commit: null }),
  GitLab: (ref = 'refs/heads/main', after = AFTER) =>
    gitlab(ref.startsWith('refs/tags/') ? 'Tag Push Hook' : 'Push Hook', {
      object_kind: ref.startsWith('refs/tags/') ? 'tag_push' : 'push',
      ref,
      before: BEFORE,
      after,
      checkout_sha: after === GONE ? null : after,
    }),
  Gitea: (ref = 'refs/heads/main', after = AFTER) => gitea('push', { ref, before: BEFORE, after }),
  Bitbucket: (ref = 'refs/heads/main', after = AFTER) => {
    const side = { type: ref.startsWith('refs/tags/') ? 'tag' : 'branch', name: ref.split('/').slice(2).join('/') };
    const old = { ...side, target: { type: 'commit', hash: BEFORE } };
    const change = after === GONE ? { old, new: null, closed: true } : { old, new: { ...side, target: { type: 'commit', hash: after } } };
    return bitbucket('repo:push', { push: { changes: [change] } });
  },
};

/** The same with the host's signature: of GitLab its token. */
export function signed(host: HostKind, { headers, body }: Sent, secret: string): Sent {
  const digest = createHmac('sha256', secret).update(body).digest('hex');
  const signature: Record<HostKind, Record<string, string>> = {
    GitHub: { 'x-hub-signature-256': `sha256=${digest}` },
    GitLab: { 'x-gitlab-token': secret },
    Gitea: { 'x-gitea-signature': digest, 'x-hub-signature-256': `sha256=${digest}` },
    Bitbucket: { 'x-hub-signature': `sha256=${digest}` },
  };
  return { headers: { ...headers, ...signature[host] }, body };
}

/** As GitLab signs with a signing token, by the Standard Webhooks specification. */
export function standardSigned({ headers, body }: Sent, { token, now, id = ID }: { token: string; now: number; id?: string }): Sent {
  const timestamp = String(Math.floor(now / 1000));
  const key = Buffer.from(token.replace('whsec_', ''), 'base64');
  const digest = createHmac('sha256', key).update(`${id}.${timestamp}.`).update(body).digest('base64');
  return { headers: { ...headers, 'webhook-id': id, 'webhook-timestamp': timestamp, 'webhook-signature': `v1,${digest}` }, body };
}

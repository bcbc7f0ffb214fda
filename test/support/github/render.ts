/** Accounts, comments and pull requests as GitHub shows them. */
import { timestamp } from '../hosts/comment-book.ts';
import type { KeptComment, KeptPullRequest } from '../hosts/comment-book.ts';

export function user(id: number, url: string): object {
  const at = `${url}/users/account-${id}`;
  const links = ['followers', 'following', 'gists', 'starred', 'subscriptions', 'organizations', 'repos', 'events', 'received_events'];
  return {
    login: `account-${id}`,
    id,
    node_id: `user${id}`,
    avatar_url: `${at}/avatar`,
    gravatar_id: '',
    url: at,
    html_url: at,
    ...Object.fromEntries(links.map((name) => [`${name}_url`, `${at}/${name}`])),
    type: 'User',
    site_admin: false,
  };
}

/** One by an App has the App's number, negative, for an author: GitHub shows a bot account, and the App beside it. */
export function comment({ id, body, author, pullRequest: number }: KeptComment, url: string): object {
  const by = author < 0 ? { user: user(90_000 - author, url), performed_via_github_app: app(-author, url) } : { user: user(author, url) };
  return {
    id,
    node_id: `comment${id}`,
    url: `${url}/comments/${id}`,
    html_url: `${url}/comments/${id}`,
    issue_url: `${url}/issues/${number}`,
    body,
    created_at: timestamp(),
    updated_at: timestamp(),
    author_association: 'MEMBER',
    performed_via_github_app: null,
    ...by,
  };
}

function app(id: number, url: string): object {
  return {
    id,
    slug: `app-${id}`,
    node_id: `app${id}`,
    owner: user(1, url),
    name: `app ${id}`,
    description: null,
    external_url: 'https://app.test/',
    html_url: 'https://app.test/',
    created_at: timestamp(),
    updated_at: timestamp(),
    permissions: {},
    events: [],
  };
}

export function pullRequest({ number, commit, branch, base, open }: KeptPullRequest, url: string): object {
  const at = `${url}/pulls/${number}`;
  const end = (ref: string, sha: string): object => ({ label: `shop:${ref}`, ref, repo: {}, sha, user: user(1, url) });
  const urls = ['diff', 'patch', 'issue', 'commits', 'review_comments', 'review_comment', 'comments', 'statuses', 'html'];
  const links = ['comments', 'commits', 'statuses', 'html', 'issue', 'review_comments', 'review_comment', 'self'];
  return {
    url: at,
    id: number,
    node_id: `pull${number}`,
    ...Object.fromEntries(urls.map((name) => [`${name}_url`, `${at}/${name}`])),
    number,
    state: open ? 'open' : 'closed',
    locked: false,
    title: `change ${number}`,
    user: user(1, url),
    body: null,
    labels: [],
    milestone: null,
    created_at: timestamp(),
    updated_at: timestamp(),
    closed_at: null,
    merged_at: null,
    merge_commit_sha: null,
    assignee: null,
    head: end(branch, commit),
    base: end(base, '0'.repeat(40)),
    _links: Object.fromEntries(links.map((name) => [name, { href: `${at}/${name}` }])),
    author_association: 'MEMBER',
    auto_merge: null,
  };
}

/** What the hosts' payloads say, each in its own words. Only own properties of the expected type are looked at; whatever else is not there. */
import { isCommitHash, isRefName } from './source-url.ts';
import type { HostedRepository, PullRequestChange, RefChange, WebhookDelivery } from './webhook-delivery.ts';

type Payload = Readonly<Record<string, unknown>>;

export type PayloadReader = (
  event: string,
  payload: Payload,
) => Pick<WebhookDelivery, 'event' | 'repository' | 'pullRequest'> | Pick<WebhookDelivery, 'event' | 'repository' | 'changes'> | Fault;

interface Fault {
  readonly fault: string;
}

/** No host moves as many references in one push. */
const MAX_CHANGES = 1000;
const MAX_TEXT = 2048;

const ACTIONS: Readonly<Record<string, PullRequestChange['action']>> = {
  opened: 'opened',
  reopened: 'reopened',
  synchronize: 'synchronized',
  synchronized: 'synchronized',
  closed: 'closed',
};
const GITLAB_ACTIONS: Readonly<Record<string, PullRequestChange['action']>> = {
  open: 'opened',
  reopen: 'reopened',
  update: 'synchronized',
  close: 'closed',
  merge: 'closed',
};
const BITBUCKET_ACTIONS: Readonly<Record<string, PullRequestChange['action']>> = {
  'pullrequest:created': 'opened',
  'pullrequest:updated': 'synchronized',
  'pullrequest:fulfilled': 'closed',
  'pullrequest:rejected': 'closed',
};

/** https://docs.github.com/en/webhooks/webhook-events-and-payloads */
export const readGitHub: PayloadReader = (event, payload) => {
  const repository = repositoryOf(payload, ['repository'], ['clone_url', 'ssh_url', 'git_url', 'html_url']);
  if (event === 'push') return pushed(repository, [changeOf(payload, text(payload, 'head_commit', 'id'))]);
  if (event === 'pull_request') return pulled(repository, pullRequestOf(payload));
  return { event: event === 'ping' ? 'ping' : 'ignored', repository };
};

/** https://docs.gitea.com/usage/webhooks; Forgejo's and Gogs' are the same where it matters. */
export const readGitea: PayloadReader = (event, payload) => {
  if (event === 'push' || event === 'pull_request') return readGitHub(event, payload);
  const repository = repositoryOf(payload, ['repository'], ['clone_url', 'ssh_url', 'html_url']);
  // A tag or branch that comes or goes is told like this as well, and a deleted one only like this.
  if (event === 'create' || event === 'delete') return pushed(repository, [namedChange(event, payload)]);
  return { event: 'ignored', repository };
};

/** https://docs.gitlab.com/user/project/integrations/webhook_events/ */
export const readGitLab: PayloadReader = (_event, payload) => {
  // The header says `System Hook` for all that a hook of the whole instance tells.
  const kind = text(payload, 'object_kind');
  const repository = repositoryOf(payload, ['project'], ['git_http_url', 'git_ssh_url', 'http_url', 'ssh_url', 'web_url']);
  if (kind === 'push' || kind === 'tag_push') return pushed(repository, [changeOf(payload, text(payload, 'checkout_sha'))]);
  if (kind !== 'merge_request') return { event: 'ignored', repository };
  const action = lookUp(GITLAB_ACTIONS, text(payload, 'object_attributes', 'action'));
  // Titles and labels are updates too: only this one says which commit was the newest before.
  if (action === 'synchronized' && text(payload, 'object_attributes', 'oldrev') === undefined) return { event: 'ignored', repository };
  return pulled(repository, {
    action,
    number: own(payload, 'object_attributes', 'iid'),
    head: text(payload, 'object_attributes', 'last_commit', 'id'),
    base: text(payload, 'object_attributes', 'target_branch'),
  });
};

/** https://support.atlassian.com/bitbucket-cloud/docs/event-payloads/ */
export const readBitbucket: PayloadReader = (event, payload) => {
  const found = repositoryOf(payload, ['repository'], []);
  // The payload has no clone URL, and Bitbucket Cloud is one host only.
  const page = text(payload, 'repository', 'links', 'html', 'href');
  const urls = [page, found.fullName === undefined ? undefined : `https://bitbucket.org/${found.fullName}`].filter(isUrlText);
  const main = text(payload, 'repository', 'mainbranch', 'name');
  const repository = { ...found, urls, ...(main !== undefined && isRefName(main) ? { defaultBranch: main } : {}) };
  if (event === 'repo:push') {
    const changes = own(payload, 'push', 'changes');
    if (!Array.isArray(changes)) return { fault: 'the payload names no reference that changed' };
    return pushed(repository, changes.slice(0, MAX_CHANGES).map(bitbucketChange));
  }
  const action = lookUp(BITBUCKET_ACTIONS, event);
  if (action === undefined) return { event: 'ignored', repository };
  return pulled(repository, {
    action,
    number: own(payload, 'pullrequest', 'id'),
    head: text(payload, 'pullrequest', 'source', 'commit', 'hash'),
    base: text(payload, 'pullrequest', 'destination', 'branch', 'name'),
  });
};

function pushed(repository: HostedRepository, changes: readonly (RefChange | Fault)[]): ReturnType<PayloadReader> {
  if (repository.urls.length === 0) return NO_REPOSITORY;
  const sound: RefChange[] = [];
  for (const change of changes) {
    if ('fault' in change) return change;
    sound.push(change);
  }
  const tags = sound.length > 0 && sound.every(({ ref }) => ref.startsWith('refs/tags/'));
  return { event: tags ? 'tag' : 'push', repository, changes: sound };
}

/** A pull request as its host describes it, unchecked. */
interface SaidPullRequest {
  /** Absent: nothing that matters here. */
  readonly action: PullRequestChange['action'] | undefined;
  readonly number: unknown;
  readonly head: string | undefined;
  readonly base: string | undefined;
}

function pulled(repository: HostedRepository, { action, number, head, base }: SaidPullRequest): ReturnType<PayloadReader> {
  if (action === undefined) return { event: 'ignored', repository };
  if (repository.urls.length === 0) return NO_REPOSITORY;
  if (typeof number !== 'number' || !Number.isSafeInteger(number) || number < 1)
    return { fault: 'the payload has no number of a pull request' };
  const pullRequest: PullRequestChange = {
    number,
    action,
    ...(head !== undefined && isCommitHash(head) ? { head } : {}),
    ...(base !== undefined && isRefName(base) ? { base } : {}),
  };
  return { event: 'pull-request', repository, pullRequest };
}

function pullRequestOf(payload: Payload): SaidPullRequest {
  return {
    action: lookUp(ACTIONS, text(payload, 'action')),
    number: own(payload, 'number'),
    head: text(payload, 'pull_request', 'head', 'sha'),
    base: text(payload, 'pull_request', 'base', 'ref'),
  };
}

/** Of a tag with a message, `after` is the tag itself: `commit` is what it stands for, where the host says. */
function changeOf(payload: Payload, commit: string | undefined): RefChange | Fault {
  const ref = text(payload, 'ref');
  const after = text(payload, 'after');
  if (ref === undefined || !ref.startsWith('refs/') || !isRefName(ref)) return { fault: 'the payload names no reference' };
  if (after === undefined || !isCommitHash(after)) return { fault: 'the payload does not say where the reference is now' };
  if (/^0+$/.test(after)) return { ref, deleted: true };
  return { ref, commit: commit !== undefined && isCommitHash(commit) ? commit : after, deleted: false };
}

function namedChange(event: 'create' | 'delete', payload: Payload): RefChange | Fault {
  const name = text(payload, 'ref');
  const space = lookUp({ tag: 'refs/tags', branch: 'refs/heads' }, text(payload, 'ref_type'));
  if (name === undefined || space === undefined) return { fault: 'the payload names no reference' };
  return refChange(name.startsWith('refs/') ? name : `${space}/${name}`, event === 'delete' ? 'deleted' : text(payload, 'sha'));
}

function bitbucketChange(change: unknown): RefChange | Fault {
  const side = own(change, 'new') ?? own(change, 'old');
  const name = text(side, 'name');
  if (name === undefined) return { fault: 'the payload names no reference' };
  const deleted = (own(change, 'new') ?? null) === null;
  return refChange(`refs/${text(side, 'type') === 'tag' ? 'tags' : 'heads'}/${name}`, deleted ? 'deleted' : text(side, 'target', 'hash'));
}

/** `deleted` is no commit's hash. */
function refChange(ref: string, commit: string | undefined): RefChange | Fault {
  if (!isRefName(ref)) return { fault: 'the payload names no reference' };
  if (commit === 'deleted') return { ref, deleted: true };
  return { ref, deleted: false, ...(commit !== undefined && isCommitHash(commit) ? { commit } : {}) };
}

const NO_REPOSITORY: Fault = { fault: 'the payload names no repository' };

function repositoryOf(payload: Payload, at: readonly string[], urls: readonly string[]): HostedRepository {
  const fullName = text(payload, ...at, 'full_name') ?? text(payload, ...at, 'path_with_namespace');
  const defaultBranch = text(payload, ...at, 'default_branch');
  return {
    urls: urls.map((name) => text(payload, ...at, name)).filter(isUrlText),
    ...(fullName !== undefined && /^[\w.~-]+(\/[\w.~-]+)+$/.test(fullName) ? { fullName } : {}),
    ...(defaultBranch !== undefined && isRefName(defaultBranch) ? { defaultBranch } : {}),
  };
}

function isUrlText(value: string | undefined): value is string {
  return value !== undefined && /^[^\p{C}\s]+$/u.test(value);
}

/** What lies at a path of names, as long as each is a property of the object itself. */
function own(value: unknown, ...path: readonly string[]): unknown {
  let at = value;
  for (const name of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Payload)[name];
  }
  return at;
}

function text(value: unknown, ...path: readonly string[]): string | undefined {
  const found = own(value, ...path);
  return typeof found === 'string' && found !== '' && found.length <= MAX_TEXT ? found : undefined;
}

function lookUp<T>(table: Readonly<Record<string, T>>, name: string | undefined): T | undefined {
  return name !== undefined && Object.hasOwn(table, name) ? table[name] : undefined;
}

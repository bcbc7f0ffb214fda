/** Which sources a webhook's delivery is about. A match opens nothing yet: each source's own secret has to fit as well. */
import { posix } from 'node:path';
import type { GitRef, SourceSpec } from './source-spec.ts';
import { readSourceUrl } from './source-url.ts';
import type { HostedRepository, WebhookDelivery } from './webhook-delivery.ts';

export interface HookSource {
  readonly namespace: string;
  readonly name: string;
  readonly spec: Pick<SourceSpec, 'url' | 'ref' | 'webhookSecret' | 'statuses' | 'pullRequests'>;
}

/** Names under which hosts take SSH on port 443. */
const ALIASES: Readonly<Record<string, string>> = {
  'ssh.github.com': 'github.com',
  'altssh.gitlab.com': 'gitlab.com',
  'altssh.bitbucket.org': 'bitbucket.org',
};

/**
 * What is the same in all URLs of one repository, `host/path`: without scheme, user, port and `.git`, in lower case, because all four hosts take
 * names in any. Undefined for what is no URL of a host.
 */
export function repositoryKey(url: string): string | undefined {
  // Only hosts' own payloads have this scheme.
  const { source } = readSourceUrl(url.replace(/^git:\/\//, 'https://'));
  if (source === undefined || source.protocol === 'file') return undefined;
  const { hostname, pathname } = new URL(source.url);
  const host = hostname.toLowerCase().replace(/\.$/, '');
  const path = posix
    .normalize(decode(pathname))
    .toLowerCase()
    .replace(/^\/+|\/+$/g, '')
    .replace(/\.git$/, '');
  return path === '' ? undefined : `${Object.hasOwn(ALIASES, host) ? ALIASES[host] : host}/${path}`;
}

/** Of a spec's URL. Kept with it, because strangers can have all sources looked through as often as they like. */
const keysOfSpecs = new WeakMap<object, string>();

function keyOf(spec: HookSource['spec']): string {
  const known = keysOfSpecs.get(spec) ?? repositoryKey(spec.url) ?? '';
  keysOfSpecs.set(spec, known);
  return known;
}

/** The sources of the delivery's repository that have a webhook secret, whatever happened to which reference. */
export function candidatesOf<T extends HookSource>(delivery: WebhookDelivery, sources: readonly T[]): readonly T[] {
  const keys = new Set(delivery.repository.urls.map(repositoryKey).filter((key) => key !== undefined));
  return sources.filter((source) => source.spec.webhookSecret !== undefined && (keys.has(keyOf(source.spec)) || isNamed(source, delivery)));
}

/** Inside a cluster a repository often has another URL than the host tells; where its statuses go says the same. */
function isNamed({ spec }: HookSource, { host, repository }: WebhookDelivery): boolean {
  const { statuses } = spec;
  return statuses?.provider === host && statuses.repository.toLowerCase() === repository.fullName?.toLowerCase();
}

/** Whether what happened may change what a source of this repository sees. */
export function isConcerned({ spec }: HookSource, delivery: WebhookDelivery): boolean {
  const { ref } = spec;
  const { pullRequest, repository } = delivery;
  if (pullRequest !== undefined) {
    const { number, base } = pullRequest;
    if (ref.kind === 'name' && pullRequestOf(ref.value) === number) return true;
    return spec.pullRequests !== undefined && (base === undefined || mayFollow(ref, { branch: base, repository }));
  }
  return delivery.changes.some((change) => {
    if (ref.kind === 'commit') return change.commit === ref.value;
    if (ref.kind === 'semver') return change.ref.startsWith('refs/tags/');
    return change.ref === fullName(ref, repository, change.ref);
  });
}

/** The number in a reference of a pull or merge request. */
function pullRequestOf(ref: string): number | undefined {
  const found = /^refs\/(?:pull|merge-requests)\/(\d{1,15})\//.exec(ref)?.[1];
  return found === undefined ? undefined : Number(found);
}

/** Whether a pull request into `branch` is one into what the source follows. Tags and commits are of no branch: then every one is. */
function mayFollow(ref: GitRef, { branch, repository }: { readonly branch: string; readonly repository: HostedRepository }): boolean {
  const full = `refs/heads/${branch}`;
  if (ref.kind === 'branch' || ref.kind === 'default') return fullName(ref, repository, full) === full;
  return ref.kind !== 'name' || !ref.value.startsWith('refs/heads/') || ref.value === full;
}

/** The full name of what a source follows; where the host does not tell its default branch, any branch may be it. */
function fullName(ref: GitRef, { defaultBranch }: HostedRepository, changed: string): string | undefined {
  switch (ref.kind) {
    case 'branch':
      return `refs/heads/${ref.value}`;
    case 'tag':
      return `refs/tags/${ref.value}`;
    case 'name':
      return ref.value;
    case 'default':
      if (defaultBranch !== undefined) return `refs/heads/${defaultBranch}`;
      return changed.startsWith('refs/heads/') ? changed : undefined;
    case 'commit':
    case 'semver':
      return undefined;
  }
}

function decode(path: string): string {
  try {
    return decodeURIComponent(path);
  } catch {
    return path;
  }
}

/** Makes the client of a source's Git host. */
import type { CommentHost, StatusHost } from '../../ports.ts';
import type { HostKind, StatusHostSpec } from '../../source-spec.ts';
import { BitbucketReviews, BitbucketStatuses } from './bitbucket.ts';
import type { SecretData } from './credentials.ts';
import { giteaReviews, GiteaStatuses } from './gitea.ts';
import { githubReviews, GitHubStatuses } from './github.ts';
import { gitlabApi, gitlabReviews, GitLabStatuses } from './gitlab.ts';
import { OctokitApi } from './octokit.ts';
import { authorizedApi } from './rest.ts';
import type { HostOptions } from './rest.ts';

export type GitHost = StatusHost & CommentHost;

interface Parts {
  readonly statuses: StatusHost;
  readonly reviews: CommentHost;
}

const HOSTS: Readonly<Record<HostKind, (options: HostOptions) => Parts>> = {
  GitHub: (options) => {
    const api = new OctokitApi(options);
    return { statuses: new GitHubStatuses(api, options), reviews: githubReviews(api, options) };
  },
  GitLab: (options) => {
    const api = gitlabApi(options);
    return { statuses: new GitLabStatuses(api, options), reviews: gitlabReviews(api, options) };
  },
  Gitea: (options) => {
    const api = authorizedApi('Gitea', options, 'token');
    return { statuses: new GiteaStatuses(api, options), reviews: giteaReviews(api, options) };
  },
  Bitbucket: (options) => {
    const api = authorizedApi('Bitbucket', options, 'Bearer');
    return { statuses: new BitbucketStatuses(api, options), reviews: new BitbucketReviews(api, options) };
  },
};

/**
 * `secret` gives the Secret's data and is asked before every request, so that it can be replaced while we run; what it throws is not
 * shown. `patience` is the time in milliseconds until no answer is a failure; 10,000 unless told.
 */
export function createHost(
  spec: Pick<StatusHostSpec, 'provider' | 'apiUrl' | 'repository'>,
  secret: () => Promise<SecretData>,
  patience?: number,
): GitHost {
  const { apiUrl, repository } = spec;
  const { statuses, reviews } = HOSTS[spec.provider]({ apiUrl, repository, secret, ...(patience === undefined ? {} : { patience }) });
  return {
    limits: statuses.limits,
    post: (status, signal) => statuses.post(status, signal),
    find: (about, signal) => statuses.find(about, signal),
    upsert: (comment, signal) => reviews.upsert(comment, signal),
    pullRequests: (signal) => reviews.pullRequests(signal),
  };
}

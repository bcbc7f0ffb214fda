/** What a webhook's delivery is: the request as it comes, and what it says in words that all hosts share. */
import type { HostKind } from './source-spec.ts';

/** Names in lower case, as Node gives them; a list where a header came more than once. */
export type WebhookHeaders = Readonly<Record<string, string | readonly string[] | undefined>>;

/** A request as it came. */
export interface WebhookRequest {
  readonly headers: WebhookHeaders;
  /** The very bytes: signatures are over them. */
  readonly body: Buffer;
}

/** A reference that was made, moved or deleted. */
export interface RefChange {
  /** Full name: `refs/heads/main`. */
  readonly ref: string;
  /** Where it is now, as the host says: a hint, the repository knows better. Absent where it was deleted or the host does not say. */
  readonly commit?: string;
  readonly deleted: boolean;
}

export interface PullRequestChange {
  readonly number: number;
  /** `synchronized`: its commits are others now; `closed`: merged or not. */
  readonly action: 'opened' | 'synchronized' | 'reopened' | 'closed';
  /** Its newest commit; Bitbucket abbreviates it, then it is absent. */
  readonly head?: string;
  /** The branch it is to be merged into. */
  readonly base?: string;
}

/** `ignored`: something that no source can be concerned by. */
export type WebhookEvent = 'push' | 'tag' | 'pull-request' | 'ping' | 'ignored';

/** A repository in the words of its host. */
export interface HostedRepository {
  /** In every form that the host gives: https, ssh, `git@host:path`, its page. */
  readonly urls: readonly string[];
  /** `owner/name`; with GitLab also deeper. */
  readonly fullName?: string;
  readonly defaultBranch?: string;
}

export interface WebhookDelivery {
  /** `Gitea` is also Forgejo and Gogs. */
  readonly host: HostKind;
  /** The host's own, the same when it sends this delivery again; absent where the host gives none. */
  readonly id?: string;
  readonly event: WebhookEvent;
  readonly repository: HostedRepository;
  /** Of a push; Bitbucket tells of several references at once. */
  readonly changes: readonly RefChange[];
  readonly pullRequest?: PullRequestChange;
}

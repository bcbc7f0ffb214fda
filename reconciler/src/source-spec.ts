/** What a PolicySource asks for, with every default filled in; `source-object.ts` reads it from the object. */
import type { PolicyKind } from '@parapet/policy';

/** An object of the PolicySource's own namespace. */
export interface LocalRef {
  readonly name: string;
}

/**
 * Which commit: exactly one of them. `semver` is the newest tag in a range (`>=1.2.0 <2`, `1.x`); `name` is a full reference name such as
 * `refs/pull/42/head`; `default` is the repository's default branch.
 */
export type GitRef =
  { readonly kind: 'branch' | 'tag' | 'semver' | 'commit' | 'name'; readonly value: string } | { readonly kind: 'default' };

/** `Head`: the commit must be signed; `Tag`: the tag must be; `TagAndHead`: both. */
export interface Verification {
  readonly mode: 'Head' | 'Tag' | 'TagAndHead';
  /** Secret with `*.asc` (OpenPGP public keys) and `*.sshpub` (lines of an allowed-signers file or public keys). */
  readonly secret: LocalRef;
}

export type DeliverySpec =
  | { readonly mode: 'Direct' }
  /** Deterministic YAML on a branch of `url` (the source's own repository unless told), for Argo CD or Flux. */
  | { readonly mode: 'RenderedBranch'; readonly branch: string; readonly path: string; readonly url?: string; readonly secret?: LocalRef }
  /** A Flux ExternalArtifact of this name in the source's namespace. */
  | { readonly mode: 'FluxArtifact'; readonly artifactName: string };

export type HostKind = 'GitHub' | 'GitLab' | 'Gitea' | 'Bitbucket';

/** Where commit statuses and comments go. */
export interface StatusHostSpec {
  readonly provider: HostKind;
  /** Base of the API, `https://api.github.com`, `https://gitlab.com/api/v4`, `https://HOST/api/v1`, `https://api.bitbucket.org/2.0`. */
  readonly apiUrl: string;
  /** `owner/name`; with GitLab also deeper. */
  readonly repository: string;
  /** Secret with `token`, or `username` and `password`, or a GitHub App's `appID`, `installationID`, `privateKey`. */
  readonly secret: LocalRef;
  /** Where a click on a status leads, instead of the commit's own page. */
  readonly targetUrl?: string;
}

export interface PullRequestSpec {
  /** Whether one comment is kept up to date on each. */
  readonly comment: boolean;
  /** Most open ones that are looked at; the newest. */
  readonly limit: number;
}

/** All times in milliseconds. */
export interface SourceSpec {
  readonly url: string;
  readonly ref: GitRef;
  /** Folder of the program in the repository; `.` is all of it. */
  readonly path: string;
  readonly interval: number;
  readonly retryInterval: number;
  readonly timeout: number;
  readonly suspend: boolean;
  readonly prune: boolean;
  /** Most of the inventory, in percent, that one commit may remove without an explicit yes. */
  readonly pruneLimit: number;
  readonly deletionPolicy: 'MirrorPrune' | 'Delete' | 'Orphan';
  /** Whether fields that others own, and objects that nobody's source owns, are taken over. */
  readonly force: boolean;
  readonly drift: 'Correct' | 'Report';
  readonly allowEmpty: boolean;
  readonly dependsOn: readonly { readonly name: string; readonly namespace: string }[];
  readonly targetNamespace?: string;
  /** In the source's namespace; the reconciler writes as this account. */
  readonly serviceAccountName?: string;
  readonly secret?: LocalRef;
  readonly verify?: Verification;
  /** Lines as in a `.gitignore`: files that are left out of the tree. */
  readonly ignore?: string;
  readonly allow: { readonly kinds: readonly PolicyKind[]; readonly namespaces: readonly string[] | 'all' };
  readonly delivery: DeliverySpec;
  readonly statuses?: StatusHostSpec;
  readonly pullRequests?: PullRequestSpec;
  /** Secret with `token`: the shared secret of the repository's webhook. */
  readonly webhookSecret?: LocalRef;
}

/** The four Git hosts as stand-ins, behind one set of words, for tests of what holds for all of them. */
import { createHost } from '../../../reconciler/src/adapters/hosts/create-host.ts';
import type { GitHost } from '../../../reconciler/src/adapters/hosts/create-host.ts';
import type { HostKind } from '../../../reconciler/src/source-spec.ts';
import { BITBUCKET_USER, startBitbucket } from '../../support/bitbucket/index.ts';
import { GITEA_USER, startGitea } from '../../support/gitea/index.ts';
import { GITHUB_USER, startGithub } from '../../support/github/index.ts';
import { GITLAB_USER, startGitlab } from '../../support/gitlab/index.ts';
import type { CommentBook } from '../../support/hosts/comment-book.ts';
import type { StandIn } from '../../support/hosts/stand-in.ts';

export const TOKEN = 's3cretTokenOfTheStandIn';
export const signal = new AbortController().signal;

/** What was written of a status, in the host's own words, newest last. */
export interface Written {
  readonly state: string;
  readonly description: string | null | undefined;
  readonly url: string | null | undefined;
}

export interface HostUnderTest {
  readonly standIn: StandIn & { readonly book: CommentBook };
  /** Our account there. */
  readonly self: number;
  readonly written: () => readonly Written[];
}

/** As in `createHost`: a Secret for the host, and what it is asked about. */
const SECRETS: Readonly<Record<HostKind, Record<string, string>>> = {
  GitHub: { token: TOKEN },
  GitLab: { token: TOKEN },
  Gitea: { token: TOKEN },
  Bitbucket: { username: 'parapet', password: TOKEN },
};

export const KINDS: readonly HostKind[] = ['GitHub', 'GitLab', 'Gitea', 'Bitbucket'];

const STARTS: Readonly<Record<HostKind, () => Promise<HostUnderTest>>> = {
  GitHub: async () => {
    const standIn = await startGithub({ owner: 'shop', repo: 'policies', token: TOKEN });
    const written = (): Written[] =>
      standIn.statuses().map(({ state, description, target_url }) => ({ state, description, url: target_url }));
    return { standIn, self: GITHUB_USER, written };
  },
  GitLab: async () => {
    const standIn = await startGitlab({ project: 'shop/policies', token: TOKEN });
    const written = (): Written[] =>
      standIn.machine.statuses.map(({ status, description, target_url }) => ({ state: status, description, url: target_url }));
    return { standIn, self: GITLAB_USER, written };
  },
  Gitea: async () => {
    const standIn = await startGitea({ owner: 'shop', repo: 'policies', token: TOKEN });
    const written = (): Written[] =>
      standIn.statuses.map(({ status, description, target_url }) => ({ state: status, description, url: target_url }));
    return { standIn, self: GITEA_USER, written };
  },
  Bitbucket: async () => {
    const standIn = await startBitbucket({ workspace: 'shop', repo: 'policies', token: TOKEN });
    const written = (): Written[] => standIn.statuses.map(({ state, description, url }) => ({ state, description, url }));
    return { standIn, self: BITBUCKET_USER, written };
  },
};

export function start(kind: HostKind): Promise<HostUnderTest> {
  return STARTS[kind]();
}

export interface ClientOptions {
  readonly secret?: () => Promise<Record<string, string>>;
  readonly apiUrl?: string;
  readonly patience?: number;
}

/** Waits long for an answer, unless a test is about one that does not come: on a busy machine the first takes more than a moment. */
export function client(kind: HostKind, { standIn }: HostUnderTest, options: ClientOptions = {}): GitHost {
  const { secret = () => Promise.resolve(SECRETS[kind]), apiUrl = standIn.url, patience = 20_000 } = options;
  return createHost({ provider: kind, apiUrl, repository: 'shop/policies' }, secret, patience);
}

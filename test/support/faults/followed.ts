/** One PolicySource of a run with faults: who pushes to it, its Git server, the stand-in of its host, and a proxy before each. */
import { HOME } from '../cluster/controller-process.ts';
import { startGitea } from '../gitea/index.ts';
import { startGithub } from '../github/index.ts';
import { serveGit } from '../../unit/reconciler/repositories.ts';
import type { Post } from './history.ts';
import type { Random } from './random.ts';
import type { Door } from './stages.ts';
import { startTappedProxy } from './tapped-proxy.ts';
import type { Tap } from './tapped-proxy.ts';
import { Writer } from './writer.ts';

export const TOKEN = 's3cretTokenOfTheHost';
export const SECRET = 'host';
const REPOSITORY = { owner: 'shop', repo: 'policies' };

interface Host {
  readonly url: string;
  /** What it took, oldest first. */
  readonly posts: () => readonly Post[];
  /** What its published description does not allow. */
  readonly faults: () => readonly string[];
  readonly close: () => Promise<void>;
}

export interface FollowedOptions {
  readonly name: string;
  /** Of its policies. */
  readonly namespace: string;
  readonly provider: 'GitHub' | 'Gitea';
  readonly random: Random;
  readonly tap: (door: Door) => Tap;
}

export interface Followed {
  readonly name: string;
  readonly writer: Writer;
  /** The PolicySource. */
  readonly object: object;
  readonly posts: () => readonly Post[];
  readonly hostFaults: () => readonly string[];
  readonly close: () => Promise<void>;
}

export async function follow({ name, namespace, provider, random, tap }: FollowedOptions): Promise<Followed> {
  const writer = new Writer({ prefix: name, namespace, random });
  const server = await serveGit(writer.repository.home, { allowed: () => true });
  const git = await startTappedProxy({ url: server.url }, tap('git'));
  const host = await (provider === 'GitHub' ? github() : gitea());
  const hostProxy = await startTappedProxy({ url: new URL(host.url).origin }, tap('host'));
  const apiUrl = `${hostProxy.url}${new URL(host.url).pathname.replace(/\/$/, '')}`;
  return {
    name,
    writer,
    object: {
      apiVersion: 'parapet.dev/v1alpha1',
      kind: 'PolicySource',
      metadata: { name, namespace: HOME },
      spec: {
        url: `${git.url}/policies.git`,
        ref: { branch: 'main' },
        interval: '10s',
        retryInterval: '1s',
        // What several commits remove that were never carried out one by one may be most of what there is.
        pruneLimit: 100,
        statuses: { provider, apiUrl, repository: `${REPOSITORY.owner}/${REPOSITORY.repo}`, secretRef: { name: SECRET } },
      },
    },
    posts: host.posts,
    hostFaults: host.faults,
    close: async () => {
      for (const one of [git, hostProxy, server, host]) await one.close();
      writer.repository.remove();
    },
  };
}

async function github(): Promise<Host> {
  const standIn = await startGithub({ ...REPOSITORY, token: TOKEN });
  return { url: standIn.url, posts: () => standIn.statuses(), faults: () => standIn.faults(), close: () => standIn.close() };
}

async function gitea(): Promise<Host> {
  const standIn = await startGitea({ ...REPOSITORY, token: TOKEN });
  const posts = (): Post[] => standIn.statuses.map(({ status, ...rest }) => ({ ...rest, state: status }));
  return { url: standIn.url, posts, faults: () => standIn.faults(), close: () => standIn.close() };
}

import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { createHost } from '../../../reconciler/src/adapters/hosts/create-host.ts';
import type { GitHost } from '../../../reconciler/src/adapters/hosts/create-host.ts';
import type { CommitStatus } from '../../../reconciler/src/ports.ts';
import { startGitea } from '../../support/gitea/index.ts';
import type { Gitea } from '../../support/gitea/index.ts';
import { hash } from './builders.ts';
import { signal, TOKEN } from './hosts.ts';

// real requests, on machines that may be busy
jest.setTimeout(60_000);

let gitea: Gitea;

beforeEach(async () => {
  gitea = await startGitea({ owner: 'shop', repo: 'policies', token: TOKEN, readsUser: false });
});
afterEach(async () => {
  await gitea.close();
  expect(gitea.faults()).toEqual([]);
});

const host = (secret: Record<string, string> = { token: TOKEN }): GitHost =>
  createHost({ provider: 'Gitea', apiUrl: gitea.url, repository: 'shop/policies' }, () => Promise.resolve(secret), 20_000);
const status: CommitStatus = { commit: hash('a'), context: 'parapet/sync', state: 'success', description: '2 policies' };

test('a user with a password gets in, too', async () => {
  expect(await host({ username: 'parapet', password: TOKEN }).post(status, signal)).toEqual({ kind: 'posted' });
});

test('statuses of others, with states that we never write, are understood', async () => {
  const others = { sha: status.commit, context: status.context, description: '', target_url: '' };
  gitea.statuses.push({ ...others, status: 'warning' });
  expect(await host().find(status, signal)).toMatchObject({ kind: 'found', status: { state: 'success', description: '' } });
  gitea.statuses.push({ ...others, status: 'failure' });
  expect(await host().find(status, signal)).toMatchObject({ kind: 'found', status: { state: 'failure' } });
});

test('a commit with more statuses than are looked through leaves the question open', async () => {
  const other = { sha: status.commit, context: 'other', status: 'success', description: '', target_url: '' };
  gitea.statuses.push({ ...other, context: status.context }, ...Array.from({ length: 1_000 }, () => other));
  expect(await host().find(status, signal)).toMatchObject({ kind: 'unknown', message: expect.stringContaining('too many') as unknown });
});

test('a token that may not tell whose it is writes no comment: it could not find it again', async () => {
  gitea.book.open({ number: 3 });
  expect(await host().upsert({ pullRequest: 3, marker: 'diff', body: 'x' }, signal)).toEqual({
    kind: 'refused',
    message: 'Gitea answered 403: token does not have the scope (the token needs to see its own account on shop/policies)',
  });
  expect(gitea.book.of(3)).toEqual([]);
});

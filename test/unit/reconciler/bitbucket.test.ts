import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { createHost } from '../../../reconciler/src/adapters/hosts/create-host.ts';
import type { GitHost } from '../../../reconciler/src/adapters/hosts/create-host.ts';
import type { CommitStatus } from '../../../reconciler/src/ports.ts';
import { BITBUCKET_USER, startBitbucket } from '../../support/bitbucket/index.ts';
import type { Bitbucket } from '../../support/bitbucket/index.ts';
import { hash } from './builders.ts';
import { signal, TOKEN } from './hosts.ts';

// real requests, on machines that may be busy
jest.setTimeout(60_000);

let bitbucket: Bitbucket;

beforeEach(async () => {
  bitbucket = await startBitbucket({ workspace: 'shop', repo: 'policies', token: TOKEN });
  bitbucket.book.open({ number: 3 });
});
afterEach(async () => {
  await bitbucket.close();
  expect(bitbucket.faults()).toEqual([]);
});

/** With a token of the repository, which is no account. */
const host = (apiUrl = bitbucket.url): GitHost =>
  createHost({ provider: 'Bitbucket', apiUrl, repository: 'shop/policies' }, () => Promise.resolve({ token: TOKEN }), 20_000);
const status: CommitStatus = {
  commit: hash('a'),
  context: 'parapet/sync (a cluster with a long name)',
  state: 'pending',
  description: 'x',
};

test('a long context has a short key of its own, which is overwritten', async () => {
  await host().post(status, signal);
  await host().post({ ...status, state: 'success' }, signal);
  await host().post({ ...status, context: `${status.context}!` }, signal);
  expect(bitbucket.statuses).toMatchObject([
    { name: status.context, state: 'SUCCESSFUL', writes: 2 },
    { name: `${status.context}!`, state: 'INPROGRESS', writes: 1 },
  ]);
});

test('without a link a status leads to the commit’s page', async () => {
  await host().post(status, signal);
  expect(bitbucket.statuses[0]?.url).toBe(`${new URL(bitbucket.url).origin}/shop/policies/commits/${hash('a')}`);
});

test('no status is told from no such commit', async () => {
  expect(await host().find(status, signal)).toEqual({ kind: 'none' });
  expect(await host().find({ ...status, commit: hash('z') }, signal)).toMatchObject({ kind: 'unknown' });
});

test('a token that is no account finds its comment by what it may change', async () => {
  const first = '**Parapet: diff**';
  bitbucket.book.add({ pullRequest: 3, body: `${first}\n\nall is well`, author: BITBUCKET_USER });
  for (const body of ['one', 'two', 'two']) {
    expect(await host().upsert({ pullRequest: 3, marker: 'diff', body }, signal)).toEqual({ kind: 'posted' });
  }
  expect(bitbucket.book.of(3).map(({ body }) => body)).toEqual([`${first}\n\nall is well`, `${first}\n\ntwo`]);
});

test('a fork’s pull request is left out: the repository has no reference for it', async () => {
  bitbucket.book.open({ number: 4, fork: 'mallory/policies' });
  const listed = await host().pullRequests(signal);
  expect(listed.kind === 'listed' && listed.pullRequests.map(({ number }) => number)).toEqual([3]);
});

test('the full hash of a commit is asked for once', async () => {
  const one = host();
  await one.pullRequests(signal);
  await one.pullRequests(signal);
  expect(bitbucket.asked().filter((asked) => asked.includes('/commit/'))).toHaveLength(1);
});

test('a next page that is elsewhere is not asked for', async () => {
  const asked: string[] = [];
  const answer = JSON.stringify({ values: [], next: `http://127.0.0.1:9/2.0/elsewhere` });
  const server = createServer((request, response) => {
    asked.push(request.url ?? '');
    response.end(answer);
  });
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/2.0`;
  expect(await host(url).pullRequests(signal)).toEqual({ kind: 'listed', pullRequests: [] });
  expect(asked).toHaveLength(1);
  server.closeAllConnections();
  server.close();
});

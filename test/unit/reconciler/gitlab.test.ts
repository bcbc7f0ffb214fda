import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { createHost } from '../../../reconciler/src/adapters/hosts/create-host.ts';
import type { GitHost } from '../../../reconciler/src/adapters/hosts/create-host.ts';
import type { CommitStatus } from '../../../reconciler/src/ports.ts';
import { GITLAB_USER, startGitlab } from '../../support/gitlab/index.ts';
import type { Gitlab } from '../../support/gitlab/index.ts';
import { hash } from './builders.ts';
import { signal, TOKEN } from './hosts.ts';

// real requests, on machines that may be busy
jest.setTimeout(60_000);

let gitlab: Gitlab;
let host: GitHost;

beforeEach(async () => {
  gitlab = await startGitlab({ project: 'shop/security/policies', token: TOKEN });
  const spec = { provider: 'GitLab', apiUrl: `${gitlab.url}/`, repository: 'shop/security/policies' } as const;
  host = createHost(spec, () => Promise.resolve({ token: TOKEN }), 20_000);
});
afterEach(async () => {
  await gitlab.close();
  expect(gitlab.faults()).toEqual([]);
});

const status = (rest: Partial<CommitStatus> = {}): CommitStatus => ({
  commit: hash('a'),
  context: 'parapet/enforced',
  state: 'pending',
  description: '0 of 3 nodes',
  ...rest,
});

test('a pending status that GitLab refuses because it is pending counts as posted: its text can change with the state only', async () => {
  expect(await host.post(status(), signal)).toEqual({ kind: 'posted' });
  expect(await host.post(status({ description: '1 of 3 nodes' }), signal)).toEqual({ kind: 'posted' });
  expect(gitlab.machine.statuses).toMatchObject([{ status: 'running', description: '0 of 3 nodes' }]);
  expect(await host.post(status({ state: 'success', description: '3 of 3 nodes' }), signal)).toEqual({ kind: 'posted' });
  expect(gitlab.machine.statuses).toMatchObject([{ status: 'success', description: '3 of 3 nodes' }]);
});

test('newer servers take the same state again', async () => {
  gitlab.machine.tolerant = true;
  await host.post(status(), signal);
  expect(await host.post(status({ description: '1 of 3 nodes' }), signal)).toEqual({ kind: 'posted' });
  expect(gitlab.asked().filter((asked) => asked.startsWith('GET'))).toEqual([]);
});

test('after an end comes a new status, and the newest is what is found', async () => {
  for (const state of ['pending', 'failure', 'pending', 'success', 'success'] as const) await host.post(status({ state }), signal);
  expect(gitlab.machine.statuses.map((one) => one.status)).toEqual(['failed', 'success', 'success']);
  expect(await host.find(status(), signal)).toMatchObject({ kind: 'found', status: { state: 'success' } });
});

test('a refused transition is not taken for done when GitLab shows something else', async () => {
  gitlab.failNext(400, { message: 'Cannot transition status via :success from :canceled' });
  expect(await host.post(status({ state: 'success' }), signal)).toEqual({
    kind: 'refused',
    message: 'GitLab answered 400: Cannot transition status via :success from :canceled',
  });
});

test('a writer who gets in the way is waited for, and a pipeline that is full is closed', async () => {
  gitlab.failNext(409);
  expect(await host.post(status(), signal)).toMatchObject({ kind: 'retry' });
  gitlab.failNext(422, { message: 'The number of jobs has exceeded the limit' });
  expect(await host.post(status(), signal)).toMatchObject({ kind: 'closed' });
});

test('what GitLab says by field is read', async () => {
  expect(await host.post(status({ context: 'x'.repeat(256) }), signal)).toEqual({
    kind: 'refused',
    message: 'GitLab answered 400: {"name":["is too long (maximum is 255 characters)"]}',
  });
});

test('a limit with an end waits for it', async () => {
  const reset = String(Math.floor(Date.now() / 1000) + 120);
  gitlab.failNext(429, { headers: { 'ratelimit-remaining': '0', 'ratelimit-reset': reset } });
  const result = await host.post(status(), signal);
  expect(result.kind === 'retry' && result.after).toBeGreaterThan(100_000);
  expect(result.kind === 'retry' && result.after).toBeLessThanOrEqual(120_000);
});

test('a user and a password are no way in', async () => {
  const spec = { provider: 'GitLab', apiUrl: gitlab.url, repository: 'shop/security/policies' } as const;
  const other = createHost(spec, () => Promise.resolve({ username: 'parapet', password: TOKEN }));
  expect(await other.post(status(), signal)).toEqual({ kind: 'refused', message: "GitLab can't be asked with such a Secret" });
  expect(gitlab.asked()).toEqual([]);
});

test('notes that GitLab makes itself are passed over', async () => {
  gitlab.book.open({ number: 3 });
  const body = '<!-- parapet:diff -->\n\nchanged this line';
  gitlab.book.add({ pullRequest: 3, body, author: GITLAB_USER, system: true });
  expect(await host.upsert({ pullRequest: 3, marker: 'diff', body: 'mine' }, signal)).toEqual({ kind: 'posted' });
  expect(gitlab.book.of(3).map((one) => one.body)).toEqual([body, '<!-- parapet:diff -->\n\nmine']);
});

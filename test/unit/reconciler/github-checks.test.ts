import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { createHost } from '../../../reconciler/src/adapters/hosts/create-host.ts';
import type { GitHost } from '../../../reconciler/src/adapters/hosts/create-host.ts';
import type { Annotation, CommitStatus } from '../../../reconciler/src/ports.ts';
import { startGithub } from '../../support/github/index.ts';
import type { Github } from '../../support/github/index.ts';
import { hash } from './builders.ts';
import { signal } from './hosts.ts';

// real requests, on machines that may be busy
jest.setTimeout(60_000);

const keys = generateKeyPairSync('rsa', { modulusLength: 2048 });
const publicKey = keys.publicKey.export({ type: 'spki', format: 'pem' });
const SECRET = { appID: '42', installationID: '4711', privateKey: keys.privateKey.export({ type: 'pkcs1', format: 'pem' }) as string };
let github: Github;
let host: GitHost;

const client = (secret: Record<string, string> = SECRET): GitHost =>
  createHost({ provider: 'GitHub', apiUrl: github.url, repository: 'shop/policies' }, () => Promise.resolve(secret), 20_000);

beforeEach(async () => {
  github = await startGithub({
    owner: 'shop',
    repo: 'policies',
    token: 'none',
    app: { id: 42, installation: 4711, publicKey: String(publicKey) },
  });
  host = client();
});
afterEach(async () => {
  await github.close();
  expect(github.faults()).toEqual([]);
});

const status = (rest: Partial<CommitStatus> = {}): CommitStatus => ({
  commit: hash('a'),
  context: 'parapet/synth',
  state: 'pending',
  description: 'synthesizing policies',
  ...rest,
});
const notes = (count: number): Annotation[] =>
  Array.from({ length: count }, (_, index) => ({
    path: 'policies/main.ts',
    line: index + 1,
    level: 'failure',
    message: `wrong in line ${index + 1}`,
  }));

test('a status becomes a check run, which goes from pending to its end', async () => {
  expect(await host.post(status(), signal)).toEqual({ kind: 'posted' });
  expect(github.checks()).toMatchObject([{ name: 'parapet/synth', head_sha: hash('a'), status: 'in_progress', conclusion: null }]);
  const end = status({
    state: 'failure',
    description: '1 problem',
    summary: '**1** problem',
    targetUrl: 'https://parapet.test/',
    annotations: notes(1),
  });
  expect(await host.post(end, signal)).toEqual({ kind: 'posted' });
  expect(github.checks()).toMatchObject([
    {
      status: 'completed',
      conclusion: 'failure',
      details_url: 'https://parapet.test/',
      output: { title: '1 problem', summary: '**1** problem' },
      annotations: [{ path: 'policies/main.ts', start_line: 1, end_line: 1, annotation_level: 'failure', message: 'wrong in line 1' }],
    },
  ]);
  expect(github.statuses()).toEqual([]);
});

test('every end has its conclusion, is found again, and a completed run is followed by a new one', async () => {
  expect(await host.find(status(), signal)).toEqual({ kind: 'none' });
  for (const state of ['success', 'failure', 'error', 'pending'] as const) {
    const said = status({ state, description: state, targetUrl: 'https://parapet.test/' });
    await host.post(said, signal);
    expect(await host.find(said, signal)).toEqual({ kind: 'found', status: said });
  }
  expect(github.checks().map(({ conclusion }) => conclusion)).toEqual(['success', 'failure', 'cancelled', null]);
});

test('more annotations than fit in a request come in several, and the run ends with the last', async () => {
  await host.post(status(), signal);
  expect(await host.post(status({ state: 'failure', annotations: notes(120) }), signal)).toEqual({ kind: 'posted' });
  expect(github.checks()).toHaveLength(1);
  expect(github.checks()[0]?.annotations.map(({ start_line }) => start_line)).toEqual(notes(120).map(({ line }) => line));
  expect(github.asked().filter((asked) => asked.startsWith('PATCH'))).toHaveLength(3);
});

test('annotations that broke off are gone on with, none twice', async () => {
  const said = status({ state: 'failure', annotations: notes(120) });
  github.failNext('lose', { method: 'PATCH' });
  expect(await host.post(said, signal)).toMatchObject({ kind: 'retry' });
  expect(github.checks()).toMatchObject([{ status: 'in_progress' }]);
  expect(await host.post(said, signal)).toEqual({ kind: 'posted' });
  expect(github.checks()).toMatchObject([{ status: 'completed' }]);
  expect(github.checks()[0]?.annotations.map(({ start_line }) => start_line)).toEqual(notes(120).map(({ line }) => line));
});

test('a run whose answer was lost is not made twice', async () => {
  const said = status({ state: 'success', description: '2 policies' });
  github.failNext('lose', { method: 'POST', count: 2 });
  // the App's token is fetched by a POST, too
  expect(await host.post(said, signal)).toMatchObject({ kind: 'retry' });
  expect(await host.post(said, signal)).toMatchObject({ kind: 'retry' });
  expect(await host.post(said, signal)).toEqual({ kind: 'posted' });
  expect(github.checks()).toHaveLength(1);
});

test('what an unfinished run of another status was annotated with is not mixed with this one’s', async () => {
  github.failNext('drop', { method: 'PATCH' });
  await host.post(status({ state: 'failure', annotations: notes(60) }), signal);
  await host.post(status({ state: 'success', description: 'mended' }), signal);
  expect(github.checks()).toMatchObject([{ status: 'in_progress' }, { conclusion: 'success', annotations: [] }]);
  expect(await host.find(status(), signal)).toMatchObject({ kind: 'found', status: { state: 'success' } });
});

test('annotations that make no sense are left out', async () => {
  const wrong: Annotation[] = [
    { path: '', line: 1, level: 'warning', message: 'x' },
    { path: 'a.ts', line: 0, level: 'warning', message: 'x' },
    { path: 'a.ts', line: 1.5, level: 'warning', message: 'x' },
    { path: 'a.ts', line: 2, level: 'warning', message: '' },
  ];
  await host.post(status({ state: 'failure', annotations: [...wrong, { path: 'a.ts', line: 3, level: 'warning', message: 'y' }] }), signal);
  expect(github.checks()[0]?.annotations).toMatchObject([{ path: 'a.ts', start_line: 3, annotation_level: 'warning' }]);
});

test('an App fetches one token for many requests', async () => {
  for (const state of ['pending', 'success', 'failure'] as const) await host.post(status({ state }), signal);
  expect(github.tokens()).toBe(1);
});

test('an App finds its comment by its own number', async () => {
  github.book.open({ number: 3 });
  github.book.add({ pullRequest: 3, body: '<!-- parapet:diff -->\n\nall is well', author: 99 });
  github.book.add({ pullRequest: 3, body: '<!-- parapet:diff -->\n\nby another App', author: -43 });
  for (const body of ['one', 'two']) await host.upsert({ pullRequest: 3, marker: 'diff', body }, signal);
  expect(github.book.of(3).map(({ body }) => body.split('\n').at(-1))).toEqual(['all is well', 'by another App', 'two']);
});

test.each([
  ['a number that is none', { ...SECRET, appID: 'x' }, "the GitHub App's appID is not a number"],
  ['no installation', { ...SECRET, installationID: '' }, "the GitHub App's installationID is not a number"],
  ['a key that is none', { ...SECRET, privateKey: 'sesame' }, "the GitHub App's privateKey is not a private key in PEM form"],
])('%s is refused by its name and without its value', async (_name, secret, message) => {
  expect(await client(secret).post(status(), signal)).toEqual({ kind: 'refused', message });
  expect(github.asked()).toEqual([]);
});

test('another key, and an App that is not installed, are refused', async () => {
  const other = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ type: 'pkcs8', format: 'pem' }) as string;
  const results = [
    await client({ ...SECRET, privateKey: other }).post(status(), signal),
    await client({ ...SECRET, installationID: '5' }).post(status(), signal),
  ];
  expect(results).toMatchObject([
    { kind: 'refused', message: expect.stringContaining('401') as unknown },
    { kind: 'refused', message: expect.stringContaining('404') as unknown },
  ]);
  expect(JSON.stringify(results)).not.toContain('PRIVATE');
});

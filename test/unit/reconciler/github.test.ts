import { spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { createHost } from '../../../reconciler/src/adapters/hosts/create-host.ts';
import type { GitHost } from '../../../reconciler/src/adapters/hosts/create-host.ts';
import { readSecret } from '../../../reconciler/src/config.ts';
import type { CommitStatus, PostResult } from '../../../reconciler/src/ports.ts';
import { startGithub } from '../../support/github/index.ts';
import type { Failure, Github } from '../../support/github/index.ts';
import { hash, memoryLog } from './builders.ts';
import { memoryStore, statusesFor } from './fakes.ts';

// real processes, on machines that may be busy
jest.setTimeout(60_000);

const TOKEN = 'ghp_s3cretTokenOfTheStandIn';
const SHA = hash('a');
const signal = new AbortController().signal;
let github: Github;
let home = '';

beforeEach(async () => {
  github = await startGithub({ owner: 'shop', repo: 'policies', token: TOKEN });
  home = mkdtempSync(join(tmpdir(), 'parapet-github-'));
});
afterEach(async () => {
  expect(github.faults()).toEqual([]);
  await github.close();
  rmSync(home, { recursive: true, force: true });
});

/** Waits long for an answer, unless a test is about one that does not come: on a busy machine the first takes more than a moment. */
const host = (options: { token?: () => string; apiUrl?: string; patience?: number } = {}): GitHost => {
  const { token = () => TOKEN, apiUrl = github.url, patience = 20_000 } = options;
  const spec = { provider: 'GitHub', apiUrl, repository: 'shop/policies' } as const;
  return createHost(spec, () => Promise.resolve().then(() => ({ token: token() })), patience);
};
const patienceFor = (failure: Failure): { patience?: number } => (failure === 'hang' ? { patience: 2_000 } : {});
const status = (rest: Partial<CommitStatus> = {}): CommitStatus => ({
  commit: SHA,
  context: 'parapet/synth',
  state: 'success',
  description: '2 policies',
  ...rest,
});

test('a status arrives as it was said', async () => {
  expect(await host().post(status({ targetUrl: 'https://x.test/' }), signal)).toEqual({ kind: 'posted' });
  expect(github.statuses()).toMatchObject([
    { sha: SHA, context: 'parapet/synth', state: 'success', description: '2 policies', target_url: 'https://x.test/' },
  ]);
});

test.each<[string, Failure, Record<string, string>, Partial<PostResult>, RegExp]>([
  ['a bad token', 401, {}, { kind: 'refused' }, /^GitHub answered 401: Bad credentials.*\(is the token right, and not expired\?\)$/],
  [
    'no permission',
    403,
    {},
    { kind: 'refused' },
    /^GitHub answered 403: .*\(the token needs "commit statuses: write" on shop\/policies\)$/,
  ],
  ['a limit with a time', 403, { 'retry-after': '7' }, { kind: 'retry', after: 7000 }, /^GitHub answered 403/],
  ['a limit that is used up', 403, { 'x-ratelimit-remaining': '0' }, { kind: 'retry', after: 60_000 }, /^GitHub answered 403/],
  ['a second limit', 429, {}, { kind: 'retry', after: 60_000 }, /^GitHub answered 429: .*rate limit/],
  ['a limit for ever', 429, { 'retry-after': '99999999' }, { kind: 'retry', after: 3_600_000 }, /^GitHub answered 429/],
  ['a limit that makes no sense', 429, { 'retry-after': 'soon' }, { kind: 'retry', after: 60_000 }, /^GitHub answered 429/],
  ['no such repository', 404, {}, { kind: 'refused' }, /^GitHub answered 404: .*\(is shop\/policies right, and may the token see it\?\)$/],
  ['a status it does not like', 422, {}, { kind: 'refused' }, /^GitHub answered 422: Validation Failed/],
  ['a failure', 500, {}, { kind: 'retry' }, /^GitHub answered 500/],
  ['a bad gateway', 502, {}, { kind: 'retry' }, /^GitHub answered 502/],
  ['no answer', 'hang', {}, { kind: 'retry' }, /gave no answer/],
  ['a cut connection', 'drop', {}, { kind: 'retry' }, /gave no answer/],
])('%s is told from the others, in words without the token', async (...[, failure, headers, result, message]) => {
  github.failNext(failure, { headers });
  const posted = await host(patienceFor(failure)).post(status(), signal);
  expect(posted).toMatchObject(result);
  expect('message' in posted && posted.message).toMatch(message);
  expect(JSON.stringify(posted)).not.toContain('s3cret');
  expect(await host().post(status(), signal)).toEqual({ kind: 'posted' });
});

test('a limit with an end waits for it', async () => {
  const reset = String(Math.floor(Date.now() / 1000) + 120);
  github.failNext(403, { headers: { 'x-ratelimit-remaining': '0', 'x-ratelimit-reset': reset } });
  const result = await host().post(status(), signal);
  expect(result.kind === 'retry' && result.after).toBeGreaterThan(100_000);
  expect(result.kind === 'retry' && result.after).toBeLessThanOrEqual(120_000);
});

test('nobody there is no answer, and an abort ends the wait', async () => {
  expect(await host({ apiUrl: 'http://127.0.0.1:9' }).post(status(), signal)).toMatchObject({ kind: 'retry' });
  github.failNext('hang');
  const abort = new AbortController();
  const posting = host().post(status(), abort.signal);
  abort.abort();
  expect(await posting).toMatchObject({ kind: 'retry' });
});

test('a token is read for each status, and one that cannot be read is refused without its file’s content', async () => {
  const file = join(home, 'token');
  const from = host({ token: () => readSecret({ file }) });
  expect(await from.post(status(), signal)).toEqual({ kind: 'refused', message: "GitHub's token can't be read" });
  writeFileSync(file, 'two words');
  expect(await from.post(status(), signal)).toMatchObject({ kind: 'refused' });
  writeFileSync(file, 'wrong\n');
  expect(await from.post(status(), signal)).toMatchObject({ kind: 'refused', message: expect.stringContaining('401') as unknown });
  writeFileSync(file, `${TOKEN}\n`);
  expect(await from.post(status(), signal)).toEqual({ kind: 'posted' });
});

test('a commit and context that took all they can are closed', async () => {
  for (let count = 0; count < 1000; count += 1) {
    const body = JSON.stringify({ state: 'pending', context: 'parapet/synth' });
    await fetch(`${github.url}/repos/shop/policies/statuses/${SHA}`, {
      method: 'POST',
      headers: { authorization: `token ${TOKEN}` },
      body,
    });
  }
  expect(await host().post(status(), signal)).toMatchObject({ kind: 'closed' });
});

const failures: [string, Failure, Record<string, string>?][] = [
  ['401', 401],
  ['403', 403],
  ['a limit', 403, { 'retry-after': '0' }],
  ['422', 422],
  ['500', 500],
  ['no answer', 'hang'],
  ['a cut connection', 'drop'],
];

test.each(failures)('after %s, three times, every last word arrives, in order, once', async (_name, failure, headers = {}) => {
  const log = memoryLog();
  const clock = {
    now: () => Date.now(),
    sleep: (ms: number, until: AbortSignal) => delay(ms, undefined, { signal: until }).catch(() => undefined),
  };
  const settings = { backoff: { first: 20, longest: 100 } };
  const statuses = statusesFor({ host: host(patienceFor(failure)), store: memoryStore(), clock, log: log.log, settings });
  github.failNext(failure, { count: 3, headers });
  const abort = new AbortController();
  const delivered = statuses.deliver(abort.signal);
  statuses.set(SHA, 'synth', { state: 'pending', description: 'synthesizing policies' });
  statuses.set(SHA, 'synth', { state: 'success', description: '2 policies' });
  statuses.set(SHA, 'enforced', { state: 'success', description: '1 of 1 nodes' });
  while (github.statuses().filter(({ state }) => state === 'success').length < 2) await delay(10);
  await delay(150);
  abort.abort();
  await delivered;
  const states = (context: string): string[] =>
    github
      .statuses(SHA)
      .filter((one) => one.context === context)
      .map(({ state }) => state);
  expect(states('parapet/enforced')).toEqual(['success']);
  // a refused pending is overtaken by what came after it; a delayed one is not
  expect(states('parapet/synth')).toEqual(
    [401, 403, 422].includes(failure as number) && headers['retry-after'] === undefined ? ['success'] : ['pending', 'success'],
  );
  expect(log.events.filter(({ level }) => level !== 'info')).toHaveLength(3);
  expect(log.text()).not.toContain('s3cret');
});

/** Runs the sender to its end; the stand-in answers from this process meanwhile. */
function send(...args: readonly string[]): Promise<unknown> {
  const sender = resolve(import.meta.dirname, 'status-sender.ts');
  const env = { ...process.env, NODE_OPTIONS: '', TOKEN };
  const child = spawn(process.execPath, ['--conditions=source', sender, ...args], { env, stdio: 'inherit' });
  return new Promise((done) => child.once('close', done));
}

test('killed between the host’s answer and writing it down, the next start asks the host and sends the status no second time', async () => {
  const file = join(home, 'outbox.json');
  await send(file, github.url, SHA, 'die');
  expect(github.statuses(SHA)).toHaveLength(1);
  expect(readFileSync(file, 'utf8')).toContain('"sending":true');
  await send(file, github.url);
  expect(readFileSync(file, 'utf8')).toContain('"queue":[]');
  await send(file, github.url);
  expect(github.statuses(SHA).map(({ state }) => state)).toEqual(['pending']);
});

test('what the host shows is found, the newest of the context, however many others there are', async () => {
  expect(await host().find(status(), signal)).toEqual({ kind: 'none' });
  await host().post(status({ state: 'pending', description: 'working' }), signal);
  await host().post(status({ targetUrl: 'https://x.test/', description: 'd'.repeat(150) }), signal);
  for (let number = 0; number < 120; number += 1)
    await host().post(status({ context: `other/${number % 2}`, description: String(number) }), signal);
  const found = { state: 'success', description: `${'d'.repeat(139)}…`, targetUrl: 'https://x.test/' };
  expect(await host().find(status(), signal)).toMatchObject({ kind: 'found', status: found });
  expect(await host().find(status({ context: 'other/1' }), signal)).toMatchObject({ status: { description: '119' } });
});

test.each<[Failure, Record<string, string>, object]>([
  [401, {}, {}],
  [429, { 'retry-after': '7' }, { after: 7000 }],
  [500, {}, {}],
  ['drop', {}, {}],
])('after %s nobody knows what the host shows', async (failure, headers, more) => {
  github.failNext(failure, { headers });
  expect(await host().find(status(), signal)).toMatchObject({
    kind: 'unknown',
    message: expect.stringContaining('GitHub') as unknown,
    ...more,
  });
});

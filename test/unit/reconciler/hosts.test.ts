import { afterEach, beforeEach, describe, expect, jest, test } from '@jest/globals';
import type { GitHost } from '../../../reconciler/src/adapters/hosts/create-host.ts';
import { isShown } from '../../../reconciler/src/host-limits.ts';
import type { StatusState } from '../../../reconciler/src/outcome.ts';
import type { CommitStatus } from '../../../reconciler/src/ports.ts';
import type { HostKind } from '../../../reconciler/src/source-spec.ts';
import type { Failure } from '../../support/hosts/stand-in.ts';
import { hash } from './builders.ts';
import { client, KINDS, signal, start, TOKEN } from './hosts.ts';
import type { HostUnderTest } from './hosts.ts';

// real requests, on machines that may be busy
jest.setTimeout(60_000);

const SHA = hash('a');
const status = (rest: Partial<CommitStatus> = {}): CommitStatus => ({
  commit: SHA,
  context: 'parapet/synth (east)',
  state: 'success',
  description: '2 policies',
  ...rest,
});

const WORDS: Readonly<Record<HostKind, Readonly<Record<StatusState, string>>>> = {
  GitHub: { pending: 'pending', success: 'success', failure: 'failure', error: 'error' },
  GitLab: { pending: 'running', success: 'success', failure: 'failed', error: 'canceled' },
  Gitea: { pending: 'pending', success: 'success', failure: 'failure', error: 'error' },
  Bitbucket: { pending: 'INPROGRESS', success: 'SUCCESSFUL', failure: 'FAILED', error: 'STOPPED' },
};

describe.each(KINDS)('%s', (kind) => {
  let under: HostUnderTest;
  let host: GitHost;

  beforeEach(async () => {
    under = await start(kind);
    host = client(kind, under);
  });
  afterEach(async () => {
    await under.standIn.close();
    expect(under.standIn.faults()).toEqual([]);
  });

  test('every state is written in the host’s words and found again as ours', async () => {
    expect(await host.find(status(), signal)).toEqual({ kind: 'none' });
    for (const state of ['pending', 'success', 'failure', 'error'] as const) {
      const said = status({ state, description: `it is ${state}`, targetUrl: 'https://parapet.test/r' });
      expect(await host.post(said, signal)).toEqual({ kind: 'posted' });
      expect(under.written().at(-1)).toEqual({ state: WORDS[kind][state], description: said.description, url: said.targetUrl });
      expect(await host.find(said, signal)).toEqual({ kind: 'found', status: said });
    }
    expect(await host.find(status({ context: 'parapet/synth' }), signal)).toEqual({ kind: 'none' });
  });

  test('the newest of a context is found among the statuses of many others', async () => {
    await host.post(status({ state: 'pending' }), signal);
    await host.post(status({ state: 'failure', description: 'the last word' }), signal);
    for (let other = 0; other < 60; other += 1) await host.post(status({ context: `other/${other}` }), signal);
    expect(await host.find(status(), signal)).toMatchObject({ kind: 'found', status: { state: 'failure', description: 'the last word' } });
  });

  test('a text that is too long is cut between characters, and a link that is too long is left out', async () => {
    const family = '👨‍👩‍👧‍👦';
    const said = status({ description: family.repeat(60), targetUrl: `https://parapet.test/${'x'.repeat(3000)}` });
    expect(await host.post(said, signal)).toEqual({ kind: 'posted' });
    const { description, url } = under.written().at(-1) ?? {};
    expect(description?.length).toBeLessThanOrEqual(host.limits.description);
    expect(description).toBe(`${family.repeat(Math.floor((host.limits.description - 1) / family.length))}…`);
    expect(url ?? '').not.toContain('xxx');
    const found = await host.find(said, signal);
    expect(found.kind === 'found' && isShown(found.status, said, host.limits)).toBe(true);
  });

  test('a status whose answer was lost is there when asked, and not posted twice', async () => {
    under.standIn.failNext('lose');
    expect(await host.post(status(), signal)).toMatchObject({ kind: 'retry' });
    const found = await host.find(status(), signal);
    expect(found.kind === 'found' && isShown(found.status, status(), host.limits)).toBe(true);
    expect(under.written()).toHaveLength(1);
  });

  test.each<[string, Failure, Record<string, string>, object, RegExp]>([
    ['a bad token', 401, {}, { kind: 'refused' }, /answered 401: .*\(is the token right, and not expired\?\)$/],
    ['no permission', 403, {}, { kind: 'refused' }, /answered 403: .*\(the token needs .+ on shop\/policies\)$/],
    ['no such repository', 404, {}, { kind: 'refused' }, /answered 404: .*\(is shop\/policies right, and may the token see it\?\)$/],
    [
      'a renamed repository',
      301,
      { location: 'https://elsewhere.test/' },
      { kind: 'refused' },
      /answered 301: has shop\/policies been renamed/,
    ],
    ['a limit with a time', 429, { 'retry-after': '7' }, { kind: 'retry', after: 7000 }, /answered 429/],
    ['a limit without', 429, {}, { kind: 'retry', after: 60_000 }, /answered 429/],
    ['a pause with a time', 503, { 'retry-after': '9' }, { kind: 'retry', after: 9000 }, /answered 503/],
    ['a failure', 500, {}, { kind: 'retry' }, /answered 500/],
    ['a slow proxy', 408, {}, { kind: 'retry' }, /answered 408/],
    ['a cut connection', 'drop', {}, { kind: 'retry' }, /gave no answer/],
    ['no answer', 'hang', {}, { kind: 'retry' }, /gave no answer/],
  ])('%s is told from the others, in words without the token', async (...[, failure, headers, result, message]) => {
    const impatient = client(kind, under, failure === 'hang' ? { patience: 1_000 } : {});
    under.standIn.failNext(failure, { headers, method: 'POST', message: `no, ${TOKEN}!` });
    const posted = await impatient.post(status(), signal);
    expect(posted).toMatchObject(result);
    expect('message' in posted && posted.message).toMatch(message);
    under.standIn.failNext(failure, { headers, method: 'GET', count: 2, message: `no, ${TOKEN}!` });
    const found = await impatient.find(status(), signal);
    expect(found).toMatchObject({ kind: 'unknown', message: expect.stringMatching(message) as unknown });
    expect(JSON.stringify([posted, found])).not.toContain('s3cret');
  });

  test('a Secret is read for each request: one that holds nothing is refused, another one is used at once', async () => {
    let data: Record<string, string> | Error = new Error(`it is ${TOKEN}`);
    const rotating = client(kind, under, { secret: () => (data instanceof Error ? Promise.reject(data) : Promise.resolve(data)) });
    expect(await rotating.post(status(), signal)).toEqual({ kind: 'refused', message: `${kind}'s token can't be read` });
    for (data of [{}, { token: ' ' }, { token: 'two words' }, { username: 'parapet' }]) {
      expect(await rotating.post(status(), signal)).toMatchObject({
        kind: 'refused',
        message: expect.not.stringContaining('words') as unknown,
      });
    }
    data = { token: 'wrong' };
    expect(await rotating.post(status(), signal)).toMatchObject({ kind: 'refused', message: expect.stringContaining('401') as unknown });
    data = { token: `${TOKEN}\n` };
    expect(await rotating.post(status(), signal)).toEqual({ kind: 'posted' });
  });

  test('credentials go nowhere in clear text', async () => {
    const plain = client(kind, under, { apiUrl: 'http://git.example/api' });
    expect(await plain.post(status(), signal)).toEqual({ kind: 'refused', message: `the URL of ${kind}'s API must be https` });
    expect(await plain.find(status(), signal)).toMatchObject({ kind: 'unknown', message: `the URL of ${kind}'s API must be https` });
    expect(under.standIn.asked()).toEqual([]);
  });

  test('an abort ends the wait', async () => {
    under.standIn.failNext('hang');
    const abort = new AbortController();
    const posting = host.post(status(), abort.signal);
    abort.abort();
    expect(await posting).toMatchObject({ kind: 'retry' });
  });
});

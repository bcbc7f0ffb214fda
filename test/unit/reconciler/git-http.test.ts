import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { GitSource } from '../../../reconciler/src/adapters/git.ts';
import type { Credentials } from '../../../reconciler/src/source-url.ts';
import { StageError } from '../../../reconciler/src/stage-error.ts';
import { sourceOf } from './git-source.ts';
import { Repository, serveGit } from './repositories.ts';
import type { GitServer } from './repositories.ts';

// real processes, on machines that may be busy
jest.setTimeout(60_000);

const RIGHT = { username: 'bot', password: 'right-s3cret-t0ken' };
let repository: Repository;
let server: GitServer;
const signal = new AbortController().signal;

beforeEach(async () => {
  repository = new Repository();
  server = await serveGit(repository.home, { user: RIGHT.username, password: RIGHT.password, spying: true });
});
afterEach(async () => {
  await server.close();
  repository.remove();
});

function source(credentials: () => Credentials | undefined, { name = 'policies.git', patience = 5_000 } = {}): GitSource {
  return new GitSource({
    url: `${server.url}/${name}`,
    ref: { kind: 'branch', value: 'main' },
    path: '.',
    directory: join(repository.home, 'store'),
    environment: { PATH: process.env['PATH'] ?? '' },
    credentials: () => {
      const given = credentials();
      return given === undefined ? undefined : { kind: 'basic', ...given };
    },
    patience: { resolve: patience, fetch: patience },
  });
}
/** Everything that an error says, with what caused it. */
function everything(error: unknown): string {
  return error instanceof Error ? `${error.message} ${error.stack ?? ''} ${everything(error.cause)}` : String(error);
}
async function failure(of: Promise<unknown>): Promise<StageError> {
  const error = await of.then(
    () => undefined,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(StageError);
  return error as StageError;
}

test('with the right credentials a private repository is read, and no command line on the machine shows them', async () => {
  const commit = repository.commit({ 'main.ts': 'private' });
  const git = source(() => RIGHT);
  expect(await git.resolve(signal)).toMatchObject({ commit });
  const tree = await git.export(commit, signal);
  expect(tree).toMatchObject({ problems: [] });
  expect(server.asked.length).toBeGreaterThan(1);
  expect(new Set(server.asked)).toEqual(new Set([`Basic ${Buffer.from(`${RIGHT.username}:${RIGHT.password}`).toString('base64')}`]));
  const seen = server.commandLines.join('\n');
  expect(seen).toContain('git');
  expect(seen).not.toContain(RIGHT.password);
  expect(seen).not.toContain(Buffer.from(`${RIGHT.username}:${RIGHT.password}`).toString('base64'));
});

test.each([
  ['wrong', { username: 'bot', password: 'wrong-s3cret-t0ken' }],
  ['missing', undefined],
])('%s credentials are said to be so, without them', async (_name, credentials) => {
  const error = await failure(source(() => credentials).resolve(signal));
  expect(error).toMatchObject({ stage: 'resolve', code: 'repository-unreachable', retry: true });
  expect(error.message).toBe(`the repository ${server.url}/policies.git can't be read: its credentials are missing or wrong`);
  expect(everything(error)).not.toMatch(/s3cret|Ym90/);
});

test('a token that is replaced is used the next time', async () => {
  let password = 'old-s3cret-t0ken';
  const git = source(() => ({ username: 'bot', password }));
  await failure(git.resolve(signal));
  ({ password } = RIGHT);
  expect(await git.resolve(signal)).toHaveProperty('commit');
});

test('a repository that is not there is named', async () => {
  const error = await failure(source(() => RIGHT, { name: 'none.git' }).resolve(signal));
  expect(error.message).toContain(`${server.url}/none.git`);
  expect(everything(error)).not.toContain(RIGHT.password);
});

test.each(['hang', 'drop', 500] as const)(
  'a server that answers with %s is the world’s failure, and read again afterwards',
  async (mode) => {
    const git = source(() => RIGHT, { patience: 500 });
    server.mode = mode;
    const started = Date.now();
    const error = await failure(git.resolve(signal));
    expect(Date.now() - started).toBeLessThan(5_000);
    expect(error.code).toBe('repository-unreachable');
    if (mode === 'hang') expect(error.message).toContain('it did not answer in time');
    expect(everything(error)).not.toContain(RIGHT.password);
    server.mode = 'serve';
    expect(await source(() => RIGHT).resolve(signal)).toHaveProperty('commit');
  },
);

test('a redirection is not followed: the credentials would go along', async () => {
  server.mode = 'redirect';
  const error = await failure(source(() => RIGHT).resolve(signal));
  expect(error.message).toMatch(/302/);
  expect(everything(error)).not.toContain(RIGHT.password);
});

test('a bearer token is sent as one, and shown nowhere', async () => {
  await server.close();
  server = await serveGit(repository.home, { allowed: (header) => header === 'Bearer right-t0ken', spying: true });
  const at = { url: `${server.url}/policies.git`, ref: { kind: 'branch', value: 'main' } as const };
  const commit = repository.commit({ 'main.ts': 'private' });
  const git = sourceOf(repository, { ...at, credentials: () => ({ kind: 'bearer', token: 'right-t0ken' }) });
  expect(await git.resolve(signal)).toMatchObject({ commit });
  expect(await git.export(commit, signal)).toMatchObject({ problems: [] });
  expect(server.commandLines.join('\n')).not.toContain('right-t0ken');
  const error = await failure(
    sourceOf(repository, { ...at, credentials: () => ({ kind: 'bearer', token: 'wrong-t0ken' }) }).resolve(signal),
  );
  expect(error.message).toContain('its credentials are missing or wrong');
  expect(everything(error)).not.toContain('t0ken');
});

test('a server is judged by the authority of the Secret, and by nobody else', async () => {
  await server.close();
  const [key, cert] = ['tls.key', 'tls.crt'].map((name) => join(repository.home, name)) as [string, string];
  const subject = ['-subj', '/CN=127.0.0.1', '-addext', 'subjectAltName=IP:127.0.0.1', '-addext', 'basicConstraints=critical,CA:TRUE'];
  execFileSync('openssl', ['req', '-x509', '-newkey', 'rsa:2048', '-nodes', '-days', '2', '-keyout', key, '-out', cert, ...subject], {
    stdio: 'ignore',
  });
  const tls = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') };
  server = await serveGit(repository.home, { allowed: (header) => header === 'Bearer right-t0ken', tls });
  const commit = repository.commit({ 'main.ts': 'private' });
  const at = (ca?: string): GitSource =>
    sourceOf(repository, {
      url: `${server.url}/policies.git`,
      credentials: () => ({ kind: 'bearer', token: 'right-t0ken', ...(ca === undefined ? {} : { ca }) }),
    });
  const git = at(tls.cert);
  expect(await git.resolve(signal)).toMatchObject({ commit });
  expect(await git.export(commit, signal)).toMatchObject({ problems: [] });
  const asked = server.asked.length;
  expect((await failure(at().resolve(signal))).message).toMatch(/certificate/i);
  expect(server.asked).toHaveLength(asked);
});

test('credentials that can not be had are the world’s failure', async () => {
  const git = sourceOf(repository, {
    url: `${server.url}/policies.git`,
    credentials: () => Promise.reject(new Error('the Secret is not there')),
  });
  expect((await failure(git.resolve(signal))).message).toContain('the Secret is not there');
});

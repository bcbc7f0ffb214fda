import { generateKeyPairSync } from 'node:crypto';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { AppToken } from '../../../reconciler/src/adapters/git/app-token.ts';
import type { GitSource } from '../../../reconciler/src/adapters/git.ts';
import { readGitSecret } from '../../../reconciler/src/git-secret.ts';
import type { GitHubApp } from '../../../reconciler/src/git-secret.ts';
import { startGithubApps } from '../../support/github/app.ts';
import type { GithubApps } from '../../support/github/app.ts';
import { exportedBy, sourceOf } from './git-source.ts';
import { basicOf, Repository, serveGit } from './repositories.ts';
import type { GitServer } from './repositories.ts';

// real processes, on machines that may be busy
jest.setTimeout(60_000);

const pair = () =>
  generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs1', format: 'pem' },
  });
const [OURS, THEIRS] = [pair(), pair()];
const signal = new AbortController().signal;
let apps: GithubApps;

beforeEach(async () => {
  apps = await startGithubApps([
    { appId: '11', installationId: 77, publicKey: OURS.publicKey },
    { appId: '22', installationId: 77, publicKey: THEIRS.publicKey, lifetime: 400 },
  ]);
});
afterEach(async () => {
  expect(apps.faults).toEqual([]);
  await apps.close();
});

const app = (more: Partial<GitHubApp> = {}): GitHubApp => ({
  appId: '11',
  installationId: '77',
  privateKey: OURS.privateKey,
  apiUrl: apps.url,
  ...more,
});

test('a repository is read with the token of an installation, which is asked for once', async () => {
  const repository = new Repository();
  const server: GitServer = await serveGit(repository.home, {
    spying: true,
    allowed: (header) => apps.tokens.some((token) => header === basicOf('x-access-token', token)),
  });
  const commit = repository.commit({ 'main.ts': 'private' });
  const url = `${server.url}/policies.git`;
  const data = { githubAppID: '11', githubAppInstallationID: '77', githubAppPrivateKey: OURS.privateKey, githubAppBaseURL: apps.url };
  const { credentials, problems } = readGitSecret(data, { protocol: 'http', url });
  expect(problems).toEqual([]);
  const git: GitSource = sourceOf(repository, { url, credentials: () => credentials });
  expect(await git.resolve(signal)).toMatchObject({ commit });
  expect(await exportedBy(git, commit)).toMatchObject({ problems: [] });
  expect(apps.tokens).toHaveLength(1);
  expect(server.commandLines.join('\n')).not.toContain(apps.tokens[0]);
  await server.close();
  repository.remove();
});

test('a token is replaced before it expires, and when the App is another', async () => {
  let now = Date.now();
  const tokens = new AppToken(() => now);
  const first = await tokens.get({ app: app(), signal });
  now += 54 * 60_000;
  expect(await tokens.get({ app: app(), signal })).toBe(first);
  now += 60_000;
  expect(await tokens.get({ app: app(), signal })).not.toBe(first);
  const other = app({ appId: '22', privateKey: THEIRS.privateKey });
  expect(await tokens.get({ app: other, signal })).toBe('ghs_22x3');
});

test('two Apps that ask for an installation of the same number at the same time each get their own token', async () => {
  apps.delay = 50;
  const other = app({ appId: '22', privateKey: THEIRS.privateKey });
  const impostor = app({ privateKey: THEIRS.privateKey });
  const answers = await Promise.allSettled([app(), other, impostor].map(async (one) => new AppToken().get({ app: one, signal })));
  expect(answers.map((answer) => (answer.status === 'fulfilled' ? answer.value.slice(0, 6) : 'refused'))).toEqual([
    'ghs_11',
    'ghs_22',
    'refused',
  ]);
});

test('what goes wrong is said without the key and without the proof', async () => {
  const reason = async (of: GitHubApp): Promise<string> =>
    new AppToken().get({ app: of, signal }).then(
      () => 'none',
      (error: Error) => `${error.message} ${error.stack ?? ''}`,
    );
  expect(await reason(app({ installationId: '78' }))).toContain('gave no token for installation 78 of the GitHub App 11: Not Found');
  expect(await reason(app({ privateKey: THEIRS.privateKey }))).toContain('could not be decoded');
  expect(await reason(app({ apiUrl: 'http://127.0.0.1:1' }))).toContain('http://127.0.0.1:1 gave no token');
  apps.failure = { status: 302, headers: { location: 'http://127.0.0.1:1/' } };
  expect(await reason(app())).toContain('it answered 302 without a token');
  for (const body of [{}, { token: 'a\nb', expires_at: '2030-01-01T00:00:00Z' }, { token: 'x', expires_at: 'soon' }, [], null]) {
    apps.failure = { status: 201, body };
    expect(await reason(app())).toContain('gave no token');
  }
  const said = await reason(app());
  expect(said).not.toContain(OURS.privateKey.split('\n')[1]);
});

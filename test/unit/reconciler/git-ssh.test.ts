import { mkdirSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { GitSource } from '../../../reconciler/src/adapters/git.ts';
import { readGitSecret } from '../../../reconciler/src/git-secret.ts';
import type { StageError } from '../../../reconciler/src/stage-error.ts';
import { exportedBy, files, sourceOf } from './git-source.ts';
import { Repository } from './repositories.ts';
import { sshKey } from './signing.ts';
import { serveSsh } from './ssh-server.ts';
import type { SshServer } from './ssh-server.ts';

// real processes, on machines that may be busy
jest.setTimeout(60_000);

let repository: Repository;
let server: SshServer;
let identity: string;
const signal = new AbortController().signal;

beforeEach(async () => {
  repository = new Repository();
  const file = sshKey(repository.home);
  identity = readFileSync(file, 'utf8');
  server = await serveSsh(join(repository.home, 'sshd'), readFileSync(`${file}.pub`, 'utf8'));
});
afterEach(async () => {
  await server.close();
  repository.remove();
});

function source(data: Readonly<Record<string, string>>, patience = 20_000): GitSource {
  const url = `${server.url}${repository.bare}`;
  const { credentials, problems } = readGitSecret(data, { protocol: 'ssh', url });
  if (credentials === undefined) throw new Error(problems[0]?.message);
  return sourceOf(repository, { url, credentials: () => credentials, patience: { resolve: patience, fetch: patience } });
}
const left = (): string[] => readdirSync(join(repository.home, 'store')).filter((name) => name.startsWith('keys-'));
const failure = async (of: Promise<unknown>): Promise<string> =>
  of.then(
    () => 'none',
    (error: StageError) => error.message,
  );

test('a repository is read over ssh with a key that no command line and no environment shows, and nothing of it is left', async () => {
  const commit = repository.commit({ 'main.ts': 'private' });
  const git = source({ identity, known_hosts: server.knownHosts });
  expect(await git.resolve(signal)).toMatchObject({ commit });
  expect(files((await exportedBy(git, commit)).directory)).toEqual(['main.ts']);
  const seen = server.seen.join('\n');
  expect(seen).toContain('StrictHostKeyChecking=yes');
  expect(seen).not.toContain(identity.split('\n')[1]);
  expect(seen).not.toContain('PRIVATE KEY');
  expect(left()).toEqual([]);
});

test('a key with a passphrase is opened with it, and neither is shown', async () => {
  mkdirSync(join(repository.home, 'locked'));
  const file = sshKey(join(repository.home, 'locked'), { passphrase: 'p\'4ss "phrase' });
  await server.close();
  server = await serveSsh(join(repository.home, 'sshd2'), readFileSync(`${file}.pub`, 'utf8'));
  const data = { identity: readFileSync(file, 'utf8'), known_hosts: server.knownHosts };
  expect(await source({ ...data, password: 'p\'4ss "phrase' }).resolve(signal)).toHaveProperty('commit');
  expect(server.seen.join('\n')).not.toContain('4ss');
  for (const password of ['wrong-phrase', undefined]) {
    const message = await failure(source({ ...data, ...(password === undefined ? {} : { password }) }).resolve(signal));
    expect(message).toContain('its credentials are missing or wrong');
  }
  expect(left()).toEqual([]);
});

test('a server with another key is not spoken to', async () => {
  const other = readFileSync(`${sshKey(repository.home, { name: 'other' })}.pub`, 'utf8');
  const message = await failure(source({ identity, known_hosts: `[127.0.0.1]:${server.port} ${other}` }).resolve(signal));
  expect(message).toContain('the key of its server is not the one in known_hosts');
  expect(await failure(source({ identity, known_hosts: `elsewhere.test ${other}` }).resolve(signal))).toContain('known_hosts');
});

test('a key that is not let in is said to be so, and no other key is tried', async () => {
  const other = readFileSync(sshKey(repository.home, { name: 'other' }), 'utf8');
  const message = await failure(source({ identity: other, known_hosts: server.knownHosts }).resolve(signal));
  expect(message).toContain('its credentials are missing or wrong');
});

test('a server that is silent is given up in time, and the programs that wait for it are ended', async () => {
  server.mode = 'hang';
  const started = Date.now();
  expect(await failure(source({ identity, known_hosts: server.knownHosts }, 700).resolve(signal))).toContain('did not answer in time');
  expect(Date.now() - started).toBeLessThan(8_000);
  const running = readdirSync('/proc').filter((name) => {
    try {
      return /^\d+$/.test(name) && readFileSync(`/proc/${name}/cmdline`, 'latin1').includes(`${server.port}`);
    } catch {
      return false;
    }
  });
  expect(running).toEqual([]);
  expect(left()).toEqual([]);
});

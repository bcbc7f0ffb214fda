import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach, expect, jest, test } from '@jest/globals';
import type { GitSourceOptions } from '../../../reconciler/src/adapters/git.ts';
import { looseRef } from '../../../reconciler/src/git-ref.ts';
import { readSigners } from '../../../reconciler/src/git-signature.ts';
import type { ExportedTree } from '../../../reconciler/src/ports.ts';
import type { Verification } from '../../../reconciler/src/source-spec.ts';
import { exportedBy, files, sourceOf } from './git-source.ts';
import { Repository } from './repositories.ts';
import { Gpg, signWithPgp, signWithSsh, sshKey } from './signing.ts';

// real processes, on machines that may be busy
jest.setTimeout(60_000);

let gpg: Gpg;
let repository: Repository;

beforeAll(() => {
  gpg = new Gpg();
});
afterAll(() => gpg.close());
beforeEach(() => {
  repository = new Repository();
});
afterEach(() => repository.remove());

function verify(data: Readonly<Record<string, string>>, mode: Verification['mode'] = 'Head'): NonNullable<GitSourceOptions['verify']> {
  const { signers, problems } = readSigners(data);
  if (signers === undefined) throw new Error(problems[0]?.message);
  return { mode, signers };
}

async function exported(commit: string, options: Partial<GitSourceOptions>): Promise<ExportedTree> {
  const source = sourceOf(repository, options);
  try {
    return await exportedBy(source, commit);
  } finally {
    const left = readdirSync(join(repository.home, 'store')).filter((name) => /^signers/.test(name));
    expect(left.length).toBeLessThanOrEqual(1);
  }
}

/** What is said of a commit that is not taken. */
async function refusal(commit: string, options: Partial<GitSourceOptions>): Promise<string> {
  const tree = await exported(commit, options);
  expect(tree.problems).toMatchObject([{ code: 'signature-invalid', severity: 'error', place: { field: 'spec.verify' } }]);
  expect(tree.signedBy).toBeUndefined();
  expect(() => files(tree.directory)).toThrow('ENOENT');
  return tree.problems[0]?.message ?? '';
}

test('a commit signed with a given OpenPGP key is taken, and its signer named', async () => {
  const key = gpg.key();
  signWithPgp(repository, key);
  const commit = repository.commit({ 'main.ts': 'signed' });
  const tree = await exported(commit, { verify: verify({ 'other.asc': gpg.key().export(), 'a.asc': key.export() }) });
  expect(tree).toMatchObject({ problems: [], signedBy: [key.fingerprint] });
  expect(files(tree.directory)).toEqual(['main.ts']);
});

test('a subkey signs for its primary key', async () => {
  const key = gpg.key();
  key.addSigningKey();
  signWithPgp(repository, key);
  const tree = await exported(repository.commit({ 'main.ts': 'x' }), { verify: verify({ 'a.asc': key.export() }) });
  expect(tree).toMatchObject({ problems: [], signedBy: [key.fingerprint] });
});

test('a commit of anybody else is refused', async () => {
  const [ours, other] = [gpg.key(), gpg.key()];
  const options = { verify: verify({ 'a.asc': ours.export() }) };
  expect(await refusal(repository.commit({ 'main.ts': 'unsigned' }), options)).toMatch(/^the commit [0-9a-f]{7} is not signed$/);
  signWithPgp(repository, other);
  expect(await refusal(repository.commit({ 'main.ts': 'other' }), options)).toContain('is not among the signers');
  signWithSsh(repository, sshKey(repository.home));
  expect(await refusal(repository.commit({ 'main.ts': 'ssh' }), options)).toContain('is signed with SSH, and there is no key *.sshpub');
});

test('a commit that was changed after it was signed is refused', async () => {
  const key = gpg.key();
  signWithPgp(repository, key);
  repository.commit({ 'main.ts': 'signed' });
  const object = repository.git(['cat-file', 'commit', 'HEAD']).replace('change', 'chance');
  const forged = repository.git(['hash-object', '-t', 'commit', '-w', '--stdin'], repository.work, `${object}\n`);
  repository.git(['push', '--quiet', '--force', 'origin', `${forged}:refs/heads/main`]);
  expect(await refusal(forged, { verify: verify({ 'a.asc': key.export() }) })).toContain('does not fit it');
});

test('a key that has expired or was revoked signs no more, not even what it signed before', async () => {
  const expired = gpg.key({ at: '20200101T000000', days: 2 });
  signWithPgp(repository, expired);
  const first = repository.commit({ 'main.ts': 'expired' });
  expect(await refusal(first, { verify: verify({ 'a.asc': expired.export() }) })).toContain('which has expired');
  const revoked = gpg.key();
  signWithPgp(repository, revoked);
  const second = repository.commit({ 'main.ts': 'revoked' });
  expect((await exported(second, { verify: verify({ 'a.asc': revoked.export() }) })).problems).toEqual([]);
  revoked.revoke();
  expect(await refusal(second, { verify: verify({ 'a.asc': revoked.export() }) })).toContain('which was revoked');
});

test('a commit signed with a given SSH key is taken, and one of another key or after its end is not', async () => {
  const file = sshKey(repository.home);
  const other = sshKey(repository.home, { name: 'other' });
  const key = readFileSync(`${file}.pub`, 'utf8');
  signWithSsh(repository, file);
  const commit = repository.commit({ 'main.ts': 'signed' });
  const tree = await exported(commit, { verify: verify({ 'a.sshpub': key }) });
  expect(tree.problems).toEqual([]);
  expect(tree.signedBy?.[0]).toMatch(/^SHA256:[A-Za-z0-9+/]{43}$/);
  for (const options of ['', 'namespaces="git" ', 'valid-after="20200101" '])
    expect((await exported(commit, { verify: verify({ 'a.sshpub': `a@x.test,b@x.test ${options}${key}` }) })).problems).toEqual([]);
  for (const line of [readFileSync(`${other}.pub`, 'utf8'), `* valid-before="20200101" ${key}`, `* namespaces="file" ${key}`])
    expect(await refusal(commit, { verify: verify({ 'a.sshpub': line }) })).toMatch(/not among the signers|does not fit/);
});

test('mode Tag asks for a signed tag, of its own name', async () => {
  const key = gpg.key();
  const options = { verify: verify({ 'a.asc': key.export() }, 'Tag') };
  const unsigned = repository.commit({ 'main.ts': 'x' });
  signWithPgp(repository, key);
  repository.git(['tag', '--sign', '-m', 'x', 'v1.0.0']);
  repository.git(['tag', '--annotate', '--no-sign', '-m', 'x', 'v1.1.0']);
  repository.git(['tag', 'v1.2.0']);
  repository.git(['push', '--quiet', 'origin', '--tags', 'v1.0.0:refs/tags/v9.9.9']);
  const tag = (name: string): Partial<GitSourceOptions> => ({ ...options, ref: { kind: 'tag', value: name } });
  expect(await exported(unsigned, tag('v1.0.0'))).toMatchObject({ problems: [], signedBy: [key.fingerprint] });
  expect(await exported(unsigned, { ...options, ref: { kind: 'semver', value: '~1.0' } })).toMatchObject({ problems: [] });
  expect(await refusal(unsigned, tag('v1.1.0'))).toBe('the tag "v1.1.0" is not signed');
  expect(await refusal(unsigned, tag('v1.2.0'))).toBe('the tag "v1.2.0" is a lightweight one, which nobody can sign');
  expect(await refusal(unsigned, tag('v9.9.9'))).toBe('the tag "v9.9.9" was signed as "v1.0.0"');
  expect(await refusal(unsigned, options)).toContain('what is followed is no tag');
  const both = { verify: verify({ 'a.asc': key.export() }, 'TagAndHead'), ref: looseRef('refs/tags/v1.0.0') };
  expect(await refusal(unsigned, both)).toContain('the commit');
});

test('mode TagAndHead takes a signed tag of a signed commit, each by its own key', async () => {
  const [author, releaser] = [gpg.key(), sshKey(repository.home)];
  signWithPgp(repository, author);
  const commit = repository.commit({ 'main.ts': 'x' });
  signWithSsh(repository, releaser);
  repository.git(['tag', '--sign', '-m', 'x', 'v1.0.0']);
  repository.git(['push', '--quiet', 'origin', '--tags']);
  const data = { 'a.asc': author.export(), 'r.sshpub': readFileSync(`${releaser}.pub`, 'utf8') };
  const tree = await exported(commit, { verify: verify(data, 'TagAndHead'), ref: { kind: 'tag', value: 'v1.0.0' } });
  expect(tree.problems).toEqual([]);
  expect(tree.signedBy).toEqual([expect.stringMatching(/^SHA256:/), author.fingerprint]);
});

test('the head of a pull request is looked at without a signature', async () => {
  const options = { verify: verify({ 'a.asc': gpg.key().export() }) };
  const commit = repository.commit({ 'main.ts': 'x' }, ['HEAD:refs/pull/1/head']);
  const tree = await sourceOf(repository, options).export(commit, new AbortController().signal, {
    number: 1,
    commit,
    ref: 'refs/pull/1/head',
  });
  expect(tree).toMatchObject({ problems: [] });
});

test('keys that gpg finds nothing in are a problem, and keyrings are gone when the source is closed', async () => {
  const block = '-----BEGIN PGP PUBLIC KEY BLOCK-----\n\nAAAA\n-----END PGP PUBLIC KEY BLOCK-----\n';
  const commit = repository.commit({ 'main.ts': 'x' });
  const source = sourceOf(repository, { verify: verify({ 'bad.asc': block }) });
  const tree = await exportedBy(source, commit);
  expect(tree.problems).toMatchObject([{ code: 'config-invalid', message: expect.stringContaining('in its bad.asc') as unknown }]);
  await source.close();
  expect(readdirSync(join(repository.home, 'store')).filter((name) => /^signers/.test(name))).toEqual([]);
});

test('a machine without gpg is the world’s failure, and no reason to refuse', async () => {
  const commit = repository.commit({ 'main.ts': 'x' });
  const source = sourceOf(repository, { verify: verify({ 'a.asc': gpg.key().export() }), environment: { PATH: '/usr/lib/git-core' } });
  await expect(exportedBy(source, commit)).rejects.toMatchObject({ stage: 'fetch', retry: true });
});

import { generateKeyPairSync } from 'node:crypto';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { readGitSecret } from '../../../reconciler/src/git-secret.ts';
import { readSourceUrl, sourceDirectory } from '../../../reconciler/src/source-url.ts';

const HTTPS = { protocol: 'https', url: 'https://git.test/p.git' } as const;
const SSH = { protocol: 'ssh', url: 'ssh://git@git.test/p.git' } as const;
const RSA = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey;
const PKCS1 = RSA.export({ type: 'pkcs1', format: 'pem' }) as string;
const IDENTITY = '-----BEGIN OPENSSH PRIVATE KEY-----\nc2VjcmV0LWtleQ==\n-----END OPENSSH PRIVATE KEY-----';
const APP = { githubAppID: '12', githubAppInstallationID: '34', githubAppPrivateKey: PKCS1 };

test('each way to be let in is read from its keys, without the line ends that editors leave', () => {
  expect(readGitSecret({ username: 'bot\n', password: 'p:w ü\n' }, HTTPS).credentials).toEqual({
    kind: 'basic',
    username: 'bot',
    password: 'p:w ü',
  });
  expect(readGitSecret({ bearerToken: 'tok\n' }, HTTPS).credentials).toEqual({ kind: 'bearer', token: 'tok' });
  expect(readGitSecret({ 'ca.crt': '-----BEGIN CERTIFICATE-----\n' }, HTTPS).credentials).toEqual({
    kind: 'none',
    ca: '-----BEGIN CERTIFICATE-----\n',
  });
  expect(readGitSecret({ bearerToken: 't', caFile: '-----BEGIN CERTIFICATE-----' }, HTTPS).credentials).toMatchObject({
    ca: '-----BEGIN CERTIFICATE-----\n',
  });
  expect(readGitSecret({ identity: IDENTITY.replaceAll('\n', '\r\n'), known_hosts: 'h k', password: 'pass' }, SSH).credentials).toEqual({
    kind: 'ssh',
    identity: `${IDENTITY}\n`,
    knownHosts: 'h k\n',
    passphrase: 'pass',
  });
  const app = { appId: '12', installationId: '34', privateKey: PKCS1.trimEnd(), apiUrl: 'https://api.github.com' };
  expect(readGitSecret(APP, HTTPS).credentials).toEqual({ kind: 'github-app', app });
  const enterprise = readGitSecret({ ...APP, githubAppBaseURL: 'https://ghe.test/api/v3/' }, HTTPS).credentials;
  expect(enterprise).toMatchObject({ app: { apiUrl: 'https://ghe.test/api/v3' } });
});

test.each<[string, Record<string, string>, { protocol: 'https' | 'ssh' | 'http' | 'file'; url: string }, string]>([
  ['nothing', {}, HTTPS, 'no credentials'],
  ['nothing for ssh', {}, SSH, 'no identity'],
  ['a password alone', { password: 's3cret' }, HTTPS, 'no username'],
  ['a username alone', { username: 's3cret' }, HTTPS, 'no password'],
  ['an empty password', { username: 's3cret', password: '\n' }, HTTPS, 'no password'],
  ['a password of two lines', { username: 'u', password: 's3cret\nAuthorization: x' }, HTTPS, 'its password has a line break'],
  ['a username with a colon', { username: 's3cret:x', password: 'y' }, HTTPS, 'colon'],
  ['a token with a space', { bearerToken: 's3cret token' }, HTTPS, 'its bearerToken'],
  ['two ways', { bearerToken: 's3cret', username: 'u', password: 'p' }, HTTPS, 'more than one kind'],
  ['a CA that is none', { bearerToken: 's3cret', 'ca.crt': 's3cret' }, HTTPS, 'its ca.crt holds no certificate'],
  ['an identity without known hosts', { identity: IDENTITY }, SSH, 'no known_hosts'],
  ['a public key as identity', { identity: 'ssh-ed25519 s3cret', known_hosts: 'x' }, SSH, 'its identity is not a private key'],
  ['half an App', { githubAppID: '12' }, HTTPS, 'no githubAppInstallationID'],
  ['an App with a number that is none', { ...APP, githubAppInstallationID: 's3cret' }, HTTPS, 'githubAppInstallationID is not a number'],
  ['an App with a key that is none', { ...APP, githubAppPrivateKey: 's3cret' }, HTTPS, 'githubAppPrivateKey is not an RSA'],
  ['an App whose API is not encrypted', { ...APP, githubAppBaseURL: 'http://s3cret.test' }, HTTPS, 'githubAppBaseURL'],
  ['an App whose API has credentials', { ...APP, githubAppBaseURL: 'https://a:s3cret@ghe.test' }, HTTPS, 'githubAppBaseURL'],
  ['credentials in clear text', { bearerToken: 's3cret' }, { protocol: 'http', url: 'http://git.test/p' }, 'clear text'],
  ['credentials for a file', { bearerToken: 's3cret' }, { protocol: 'file', url: 'file:///p' }, 'no credentials'],
])('a Secret with %s is a problem that names the key and not its content', (...[, data, source, why]) => {
  const { credentials, problems } = readGitSecret(data, source);
  expect(credentials).toBeUndefined();
  expect(problems[0]).toMatchObject({ code: 'config-invalid', severity: 'error', place: { field: 'spec.secretRef' } });
  expect(problems.map(({ message }) => message).join('\n')).toContain(why);
  expect(JSON.stringify(problems)).not.toMatch(/s3cret|c2VjcmV0/);
});

test('everything that is wrong is said at once', () => {
  expect(readGitSecret({ githubAppBaseURL: 'nope' }, HTTPS).problems.length).toBe(4);
  expect(readGitSecret({ password: 'x' }, SSH).problems.length).toBe(2);
});

test('a Secret has credentials exactly when it has no problem, and its problems never hold a value', () => {
  const keys = ['username', 'password', 'bearerToken', 'identity', 'known_hosts', 'githubAppID', 'ca.crt', '__proto__', 'constructor'];
  const value = fc.string({ minLength: 12, unit: 'binary' });
  fc.assert(
    fc.property(fc.dictionary(fc.constantFrom(...keys), value), fc.constantFrom(HTTPS, SSH), (data, source) => {
      const { credentials, problems } = readGitSecret(data, source);
      expect(credentials === undefined).toBe(problems.length > 0);
      for (const text of Object.values(data)) expect(problems.some(({ message }) => message.includes(text))).toBe(false);
    }),
  );
});

test('no two sources share a directory, whatever they are called', () => {
  expect(sourceDirectory({ namespace: 'shop', name: 'policies.eu' })).toBe('shop.policies.eu');
  const odd = [
    { namespace: 'a.b', name: 'c' },
    { namespace: 'a', name: 'b.c' },
    { namespace: 'a', name: '../x' },
    { namespace: 'a', name: 'b'.repeat(253) },
    { namespace: 'a', name: 'B' },
  ].map(sourceDirectory);
  expect(new Set(odd).size).toBe(odd.length);
  for (const name of odd) expect(name).toMatch(/^[a-z0-9][a-z0-9.-]{0,254}$/);
});

test('addresses of real hosts are read as the Secret expects them', () => {
  expect(readSourceUrl('git@github.com:shop/policies.git').source).toMatchObject({
    protocol: 'ssh',
    url: 'ssh://git@github.com/shop/policies.git',
  });
});

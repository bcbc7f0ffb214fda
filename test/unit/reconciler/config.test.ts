import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import fc from 'fast-check';
import { configFromEnvironment, gitCredentials, readSecret } from '../../../reconciler/src/config.ts';
import type { Environment, ReconcilerConfig, ReconcilerFlags } from '../../../reconciler/src/config.ts';

let home = '';
beforeAll(() => {
  home = mkdtempSync(join(tmpdir(), 'parapet-config-'));
});
afterAll(() => rmSync(home, { recursive: true, force: true }));

const FLAGS: ReconcilerFlags = { source: 'https://git.test/p.git', target: '/t' };
const written = (text: string): string => {
  const file = join(home, 'reconciler.yaml');
  writeFileSync(file, text);
  return file;
};

function read(env: Environment, flags: ReconcilerFlags = FLAGS): ReconcilerConfig {
  const { config, problems } = configFromEnvironment(env, flags);
  if (config === undefined) throw new Error(JSON.stringify(problems));
  return config;
}
const complaints = (env: Environment, flags: ReconcilerFlags = FLAGS): string[] =>
  configFromEnvironment(env, flags).problems.map(({ place, message }) => `${place.field ?? ''}: ${message}`);

test('source and target are enough: everything else has a default', () => {
  expect(read({})).toEqual({
    source: { url: 'https://git.test/p.git', protocol: 'https' },
    path: '.',
    target: '/t',
    interval: 5000,
    noReportAfter: 60_000,
    violationsEvery: 60_000,
    allowEmpty: false,
    git: { username: 'parapet', environment: {} },
  });
});

test('flags count before the environment, and the environment before the file', () => {
  const config = written(`
source: https://git.test/file.git
target: /file
interval: 9s
cluster: file
packages: /file
github: { repository: file/file, tokenFile: /file }
git: { username: file }
`);
  const env = { PARAPET_CLUSTER: 'env', PARAPET_PACKAGES: '/env', PARAPET_GITHUB_REPOSITORY: 'env/env', PARAPET_GIT_USERNAME: '' };
  const { source, target, interval, cluster, packages, github, git } = read(env, { config, target: '/flag', interval: '1s' });
  expect([source.url, target, interval, cluster, packages]).toEqual(['https://git.test/file.git', '/flag', 1000, 'env', '/env']);
  expect(read({}, { config }).packages).toBe('/file');
  expect(github).toEqual({ owner: 'env', repository: 'env', apiUrl: 'https://api.github.com', token: { file: '/file' } });
  expect(git.username).toBe('file');
});

test('one run only has no interval', () => {
  expect(read({}, { ...FLAGS, once: true })).not.toHaveProperty('interval');
});

test('relative targets, package stores and token files are meant from the working directory', () => {
  const { target, packages, git } = read({ PARAPET_GIT_TOKEN_FILE: 'token' }, { ...FLAGS, target: 'store', packages: 'npm' });
  expect(packages).toBe(resolve('npm'));
  expect(target).toBe(resolve('store'));
  expect(git.token).toEqual({ file: resolve('token') });
});

test.each([
  ['.', '.'],
  ['./', '.'],
  ['clusters/a/', 'clusters/a'],
  ['clusters//a/../b', 'clusters/b'],
])('the folder %s is %s', (path, folder) => expect(read({}, { ...FLAGS, path }).path).toBe(folder));

test('every mistake is told at once, and no secret with them', () => {
  const env = {
    PARAPET_GITHUB_REPOSITORY: 'no-owner',
    PARAPET_GITHUB_API_URL: 'http://github.test',
    PARAPET_STATUS_TARGET_URL: 'javascript:alert(1)',
    PARAPET_CLUSTER: 'a b',
    PARAPET_GIT_TOKEN: 's3cret',
  };
  const flags = { source: 'http://you:s3cret@git.test/p.git', ref: 'a..b', path: '../up', interval: 'soon' };
  const said = complaints(env, flags);
  expect(said.map((text) => text.split(':')[0])).toEqual([
    'source',
    'target',
    'ref',
    'path',
    'interval',
    'github.repository',
    'github.tokenFile',
    'github.apiUrl',
    'cluster',
    'statusTargetUrl',
  ]);
  expect(JSON.stringify(configFromEnvironment(env, flags))).not.toContain('s3cret');
});

test.each([
  ['PARAPET_GITHUB_API_URL', 'https://you:pass@github.test'],
  ['PARAPET_GITHUB_API_URL', 'github.test'],
  ['PARAPET_GITHUB_REPOSITORY', 'you/..'],
  ['PARAPET_GITHUB_REPOSITORY', '../you'],
  ['PARAPET_GITHUB_REPOSITORY', 'you/policies/statuses'],
  ['PARAPET_CLUSTER', 'x'.repeat(64)],
])('%s may not be %s', (name, value) => {
  expect(complaints({ PARAPET_GITHUB_REPOSITORY: 'you/policies', PARAPET_GITHUB_TOKEN: 't', [name]: value })).toHaveLength(1);
});

test('a stand-in on this machine may be spoken to in clear text', () => {
  const env = { PARAPET_GITHUB_REPOSITORY: 'you/policies', PARAPET_GITHUB_TOKEN: 't', PARAPET_GITHUB_API_URL: 'http://127.0.0.1:3000/' };
  expect(read(env).github).toEqual({ owner: 'you', repository: 'policies', apiUrl: 'http://127.0.0.1:3000', token: { value: 't' } });
});

test('a file that holds the token is preferred to the token itself', () => {
  const env = { PARAPET_GITHUB_REPOSITORY: 'you/policies', PARAPET_GITHUB_TOKEN: 'value', PARAPET_GITHUB_TOKEN_FILE: '/run/token' };
  expect(read(env).github?.token).toEqual({ file: '/run/token' });
});

test('Git sees what it needs of the environment, and no token', () => {
  const env = { PATH: '/bin', HTTPS_PROXY: 'http://proxy', HOME: '/root', GIT_DIR: '/x', PARAPET_GITHUB_TOKEN: 't', LD_PRELOAD: '/x.so' };
  expect(read(env).git.environment).toEqual({ PATH: '/bin', HTTPS_PROXY: 'http://proxy' });
});

test('a secret is read again each time, and an unusable file is named without its content', () => {
  const file = join(home, 'token');
  writeFileSync(file, 'first\n');
  expect(readSecret({ file })).toBe('first');
  writeFileSync(file, 'second');
  expect(readSecret({ file })).toBe('second');
  writeFileSync(file, 'two words');
  expect(() => readSecret({ file })).toThrow(`${file} holds no secret`);
  writeFileSync(file, ' \n');
  expect(() => readSecret({ file })).toThrow(`${file} holds no secret`);
  expect(() => readSecret({ file: join(home, 'none') })).toThrow(`the secret in ${join(home, 'none')} can't be read`);
});

test('credentials for Git are the URL’s, else the token; ssh and files have none', () => {
  const env = { PARAPET_GIT_TOKEN: 'token', PARAPET_GIT_USERNAME: 'bot' };
  const of = (source: string): unknown => gitCredentials(read(env, { ...FLAGS, source }));
  expect(of('https://git.test/p.git')).toEqual({ username: 'bot', password: 'token' });
  expect(of('https://you:own@git.test/p.git')).toEqual({ username: 'you', password: 'own' });
  expect([of('ssh://git@git.test/p.git'), of('/srv/p.git')]).toEqual([undefined, undefined]);
  expect(gitCredentials(read({}))).toBeUndefined();
});

test('whatever flags and environment hold, there is a configuration or there are problems', () => {
  const text = fc.option(fc.string({ unit: 'binary' }), { nil: undefined });
  const flags = fc.record({
    source: text,
    ref: text,
    path: text,
    target: text.filter((value) => value?.includes('\0') !== true),
    interval: text,
  });
  const names = ['GITHUB_REPOSITORY', 'GITHUB_TOKEN', 'GITHUB_API_URL', 'STATUS_TARGET_URL', 'CLUSTER', 'GIT_TOKEN', 'GIT_USERNAME'];
  const env = fc.dictionary(fc.constantFrom(...names.map((name) => `PARAPET_${name}`)), fc.string({ unit: 'binary' }));
  fc.assert(
    fc.property(env, flags, (environment, given) => {
      const { config, problems } = configFromEnvironment(environment, given);
      expect(config === undefined).toBe(problems.length > 0);
    }),
    { numRuns: 300 },
  );
});

import { execFileSync } from 'node:child_process';
import { expect, test } from '@jest/globals';
import fc from 'fast-check';
import { isCommitHash, isLoopback, isRefName, readSourceUrl } from '../../../reconciler/src/source-url.ts';

test.each([
  ['https://git.test/you/policies.git', 'https://git.test/you/policies.git', 'https'],
  ['HTTPS://Git.Test/You/policies.git#main', 'https://git.test/You/policies.git', 'https'],
  ['http://git.test/policies.git', 'http://git.test/policies.git', 'http'],
  ['https://[2001:db8::1]:8443/p.git', 'https://[2001:db8::1]:8443/p.git', 'https'],
  ['ssh://git@git.test:2222/policies.git', 'ssh://git@git.test:2222/policies.git', 'ssh'],
  ['git@git.test:you/policies.git', 'ssh://git@git.test/you/policies.git', 'ssh'],
  ['git.test:/srv/policies.git', 'ssh://git.test/srv/policies.git', 'ssh'],
  ['file:///srv/policies.git', 'file:///srv/policies.git', 'file'],
  ['/srv/policies with space.git', 'file:///srv/policies%20with%20space.git', 'file'],
])('%s is read as %s', (text, url, protocol) => {
  expect(readSourceUrl(text)).toEqual({ source: { url, protocol }, problems: [] });
});

test.each([
  ['https://you:s3cret@git.test/p.git', { username: 'you', password: 's3cret' }],
  ['https://tok%40en@git.test/p.git', { username: 'tok@en', password: '' }],
  ['http://you:s3cret@127.0.0.1:3000/p.git', { username: 'you', password: 's3cret' }],
])('the credentials of %s leave the URL', (text, credentials) => {
  const { source } = readSourceUrl(text);
  expect(source?.credentials).toEqual(credentials);
  expect(source?.url).not.toMatch(/@|s3cret|tok/);
});

test.each([
  ['', 'it is not a URL'],
  ['policies.git', 'it is not a URL'],
  ['../policies.git', 'it is not a URL'],
  ['ext::sh -c touch% /tmp/x', 'not a protocol that is taken'],
  ['git://git.test/p.git', 'not a protocol that is taken'],
  ['ftp://git.test/p.git', 'not a protocol that is taken'],
  ['file://elsewhere/srv/p.git', 'a file is not on another host'],
  ['ssh://-oProxyCommand=sh/p.git', 'it'],
  ['-oProxyCommand=sh:p.git', 'it is not'],
  ['ssh://-l@git.test/p.git', 'starts with a dash'],
  ['ssh://%2Dl@git.test/p.git', 'starts with a dash'],
  ['http://you:s3cret@git.test/p.git', 'in clear text'],
  ['https://git.test/p.git?private_token=s3cret', 'it has a query'],
])('%j is refused, and what is said of it holds no secret', (text, why) => {
  const { source, problems } = readSourceUrl(text);
  expect(source).toBeUndefined();
  expect(problems).toMatchObject([{ code: 'config-invalid', severity: 'error', place: { field: 'source' } }]);
  expect(problems[0]?.message).toContain(why);
  expect(JSON.stringify(problems)).not.toContain('s3cret');
});

const pieces = fc.constantFrom(
  'https',
  'ssh',
  'file',
  'ext',
  '://',
  '::',
  ':',
  '@',
  '/',
  '-o',
  '%',
  '%2D',
  '[',
  ']',
  '?',
  '#',
  '..',
  '\0',
  '\n',
  'a.b',
  'ü',
);
const urlish = fc.oneof(
  fc.string({ unit: 'binary' }),
  fc.webUrl({ withQueryParameters: true }),
  fc.array(pieces, { maxLength: 8 }).map((parts) => parts.join('')),
);

test('whatever is given, it is taken or refused, never thrown; what is taken is a plain URL of a known protocol', () => {
  fc.assert(
    fc.property(urlish, (text) => {
      const { source, problems } = readSourceUrl(text);
      expect(problems).toHaveLength(source === undefined ? 1 : 0);
      if (source === undefined) return;
      expect(source.url).toMatch(/^(file|https?|ssh):\/\//);
      expect(source.url).not.toMatch(/[\0-\x20\x7f]/);
      expect(new URL(source.url).password).toBe('');
      expect(readSourceUrl(source.url).source?.url).toBe(source.url);
    }),
    { numRuns: 1000 },
  );
});

test('passwords never stay in the URL', () => {
  const password = fc.stringMatching(/^[A-Za-z0-9]{12,20}$/);
  fc.assert(
    fc.property(password, fc.constantFrom('https', 'ssh'), (secret, protocol) => {
      const { source } = readSourceUrl(`${protocol}://you:${secret}@git.test/p.git`);
      expect(source?.url).not.toContain(secret);
    }),
  );
});

test.each(['localhost', '127.0.0.1', '127.255.0.9', '[::1]'])('%s is this machine', (host) => expect(isLoopback(host)).toBe(true));
test.each(['localhost.test', '127.0.0.1.test', '128.0.0.1', '0.0.0.0', '[::2]', ''])('%j is not this machine', (host) =>
  expect(isLoopback(host)).toBe(false),
);

test.each(['main', 'feature/a-b', 'v1.2.3', 'refs/heads/main', 'ünïcode', 'a@b', 'refs/pull/1/head', hash40()])(
  '%s can be a reference',
  (ref) => {
    expect(isRefName(ref)).toBe(true);
  },
);

// prettier-ignore
test.each(['', '-x', '--upload-pack=sh', '@', 'a..b', 'a b', 'a~1', 'a^', 'a:b', 'a?', 'a*', 'a[b', 'a\\b', 'a.lock', 'x/a.lock/y', '.a', 'x/.a', 'a/', '/a', 'a//b', 'a@{1}', 'a.', 'a\nb', 'a\0b', 'a'.repeat(251)])(
  '%j can be no reference',
  (ref) => {
    expect(isRefName(ref)).toBe(false);
  },
);

test('what is taken as a reference, Git takes as one', () => {
  const likely = fc.array(fc.constantFrom('a', 'B', '1', '-', '.', '/', '@', '{', '~', '^', ':', '*', '[', '\\', ' ', 'lock', 'ü', '\t'), {
    minLength: 1,
    maxLength: 6,
  });
  const names = [...new Set(fc.sample(likely, { numRuns: 400, seed: 7 }).map((parts) => parts.join('')))].filter((name) => isRefName(name));
  expect(names.length).toBeGreaterThan(20);
  for (const name of names.slice(0, 60)) execFileSync('git', ['check-ref-format', `refs/heads/${name}`]);
});

test('a commit hash is full and lower case', () => {
  expect([hash40(), 'a'.repeat(64)].map(isCommitHash)).toEqual([true, true]);
  expect(['a'.repeat(39), 'A'.repeat(40), 'g'.repeat(40), `${hash40()}\n`, ''].map(isCommitHash)).toEqual([
    false,
    false,
    false,
    false,
    false,
  ]);
});

function hash40(): string {
  return '0123456789'.repeat(4);
}

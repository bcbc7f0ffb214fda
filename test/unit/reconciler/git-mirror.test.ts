import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { GitSource, GitSourceOptions } from '../../../reconciler/src/adapters/git.ts';
import { codes, exportedBy, files, sourceOf } from './git-source.ts';
import { Repository, serveGit } from './repositories.ts';
import type { GitServer } from './repositories.ts';

// real processes, on machines that may be busy
jest.setTimeout(60_000);

let repository: Repository;
let server: GitServer;
const signal = new AbortController().signal;

beforeEach(async () => {
  repository = new Repository();
  server = await serveGit(repository.home, { allowed: () => true });
});
afterEach(async () => {
  await server.close();
  repository.remove();
});

const source = (options: Partial<GitSourceOptions> = {}): GitSource =>
  sourceOf(repository, { url: `${server.url}/policies.git`, ref: { kind: 'branch', value: 'main' }, ...options });
const store = (): string => join(repository.home, 'store');
const mirror = (): string => join(store(), readdirSync(store()).find((name) => name.startsWith('mirror-')) ?? 'none');
const packs = (): string[] => readdirSync(join(mirror(), 'objects/pack')).filter((name) => name.endsWith('.pack'));
const content = async (git: GitSource, commit: string): Promise<string> => {
  const tree = await exportedBy(git, commit);
  const text = readFileSync(join(tree.directory, 'main.ts'), 'utf8');
  await tree.dispose();
  return text;
};
/** Requests that `work` makes: two for asking (what the server can, what it has), one more for fetching. */
async function requests(work: () => Promise<unknown>): Promise<number> {
  const before = server.asked.length;
  await work();
  return server.asked.length - before;
}

test('a commit that a webhook names is fetched by one command, and one that was just asked for not again', async () => {
  const git = source();
  const first = repository.commit({ 'main.ts': 'first' });
  expect(await requests(() => content(git, first))).toBe(3);
  const second = repository.commit({ 'main.ts': 'second' });
  expect(await requests(() => git.resolve(signal))).toBe(2);
  expect(await requests(() => content(git, second))).toBe(3);
  expect(await requests(() => git.resolve(signal))).toBe(2);
  expect(await requests(() => content(git, second))).toBe(0);
  expect(await git.export(first, signal)).toEqual({ moved: second });
});

test.each([
  ['the default branch', { kind: 'default' }, 3],
  ['a tag', { kind: 'tag', value: 'v1.0.0' }, 3],
  ['a version', { kind: 'semver', value: '1.x' }, 5],
  ['a full name', { kind: 'name', value: 'refs/pull/1/head' }, 3],
] as const)('%s is fetched without having been asked for', async (_name, ref, count) => {
  const commit = repository.commit({ 'main.ts': 'x' }, ['HEAD:main', 'HEAD:refs/pull/1/head']);
  repository.git(['tag', '--annotate', '-m', 'x', 'v1.0.0']);
  repository.git(['push', '--quiet', 'origin', '--tags']);
  expect(await requests(() => content(source({ ref }), commit))).toBe(count);
});

test('a version that comes later is followed', async () => {
  const git = source({ ref: { kind: 'semver', value: '>=1.0.0' } });
  expect(await git.resolve(signal)).toMatchObject({ problems: [{ code: 'ref-not-found' }] });
  for (const version of ['v1.0.0', 'v1.1.0']) {
    const commit = repository.commit({ 'main.ts': version });
    repository.git(['tag', '--annotate', '-m', 'x', version]);
    repository.git(['push', '--quiet', 'origin', '--tags']);
    expect(await git.resolve(signal)).toEqual({ commit, revision: `${version}@sha1:${commit}`, ref: `refs/tags/${version}` });
    expect(await content(git, commit)).toBe(version);
  }
});

test('a mirror is kept for the next process, which fetches what is new only', async () => {
  const noise = 'n'.repeat(20_000) + Math.random();
  await content(source(), repository.commit({ 'main.ts': 'first', noise }));
  const [big] = packs();
  const next = repository.commit({ 'main.ts': 'second' });
  expect(await content(source(), next)).toBe('second');
  expect(packs()).toContain(big);
  expect(packs()).toHaveLength(2);
});

test.each<[string, () => void]>([
  ['locked', () => writeFileSync(join(mirror(), 'shallow.lock'), '')],
  ['with half a pack', () => writeFileSync(join(mirror(), 'objects/pack/tmp_pack_x'), 'half')],
  ['with a lock on its reference', () => writeFileSync(join(mirror(), 'refs/parapet/head.lock'), '')],
  ['with a damaged reference', () => writeFileSync(join(mirror(), 'refs/parapet/head'), '')],
  ['with a reference to nothing', () => writeFileSync(join(mirror(), 'refs/parapet/head'), `${'1'.repeat(40)}\n`)],
  ['with a pack cut short', () => packs().forEach((name) => truncateSync(join(mirror(), 'objects/pack', name), 30))],
  ['without packs', () => rmSync(join(mirror(), 'objects/pack'), { recursive: true })],
  ['without a HEAD', () => writeFileSync(join(mirror(), 'HEAD'), '')],
  ['with another configuration', () => writeFileSync(join(mirror(), 'config'), '[core]\n\tfsmonitor = touch /tmp/never\n')],
  ['half made', () => rmSync(join(mirror(), 'refs'), { recursive: true })],
])('a mirror that a crash left %s does no harm', async (_name, damage) => {
  const commit = repository.commit({ 'main.ts': 'first' });
  const before = source();
  await content(before, commit);
  damage();
  mkdirSync(join(store(), 'work-left'), { recursive: true });
  mkdirSync(join(store(), 'keys-left'), { recursive: true });
  const later = source();
  expect(await content(later, commit)).toBe('first');
  const next = repository.commit({ 'main.ts': 'second' });
  expect(await content(later, next)).toBe('second');
  expect(readdirSync(store()).filter((name) => /left/.test(name))).toEqual([]);
});

test('a mirror that is damaged while we run is made anew, and the commit written out all the same', async () => {
  const git = source();
  const first = repository.commit({ 'main.ts': 'first' });
  await content(git, first);
  const again = source();
  await content(again, first);
  for (const name of packs()) truncateSync(join(mirror(), 'objects/pack', name), 40);
  expect(await content(again, repository.commit({ 'main.ts': 'second' }))).toBe('second');
});

test('another address has another mirror, and the old one goes', async () => {
  await content(source(), repository.commit({ 'main.ts': 'x' }));
  const old = mirror();
  const other = new Repository();
  const commit = other.commit({ 'main.ts': 'other' });
  expect(await content(source({ url: other.url }), commit)).toBe('other');
  expect(existsSync(old)).toBe(false);
  other.remove();
});

test('a run of the branch and runs of pull requests are at work at the same time, each with files of its own', async () => {
  const git = source();
  const main = repository.commit({ 'main.ts': 'main' });
  const heads = ['1', '2', '3'].map((number) => ({
    number: Number(number),
    ref: `refs/pull/${number}/head`,
    commit: repository.commit({ 'main.ts': `pull ${number}` }, [`HEAD:refs/pull/${number}/head`]),
  }));
  repository.git(['push', '--quiet', 'origin', `${heads[2]?.commit}:refs/merge-requests/9/head`]);
  expect(await git.pullRequests(2, signal)).toEqual([
    { number: 9, ref: 'refs/merge-requests/9/head', commit: heads[2]?.commit },
    { number: 3, ref: 'refs/pull/3/head', commit: heads[2]?.commit },
  ]);
  const trees = await Promise.all([exportedBy(git, main), ...heads.map(async (head) => git.export(head.commit, signal, head))]);
  const texts = trees.map((tree) => ('moved' in tree ? 'moved' : readFileSync(join(tree.directory, 'main.ts'), 'utf8')));
  expect(texts).toEqual(['main', 'pull 1', 'pull 2', 'pull 3']);
  const [first] = heads;
  expect(first && (await git.export(main, signal, first))).toEqual({ moved: first?.commit });
  // Bitbucket's are branches.
  expect(first && (await git.export(main, signal, { ...first, ref: 'refs/heads/main' }))).toHaveProperty('problems', []);
  for (const ref of ['HEAD', '--upload-pack=touch', 'refs/heads/main:refs/x', '+refs/heads/main', 'refs/heads/*'])
    expect(first && codes((await git.export(main, signal, { ...first, ref })) as never)).toEqual(['error ref-not-found']);
  await git.close();
  expect(readdirSync(store()).filter((name) => name.startsWith('work-'))).toEqual([]);
});

test('many sources in one process do not disturb each other', async () => {
  const commit = repository.commit({ 'main.ts': 'x' });
  const sources = Array.from({ length: 6 }, (_, index) => source({ directory: join(store(), `s${index}`) }));
  const texts = await Promise.all(sources.map(async (git) => content(git, commit)));
  expect(texts).toEqual(Array.from({ length: 6 }, () => 'x'));
});

test('what no reference needs is thrown away, off the way, and never what somebody reads', async () => {
  const git = source({ url: repository.url });
  let commit = '';
  for (let turn = 0; turn < 24; turn += 1) {
    commit = repository.commit({ 'main.ts': `${turn}` });
    await content(git, commit);
  }
  const deadline = Date.now() + 10_000;
  while (packs().length > 10 && Date.now() < deadline) await new Promise((done) => setTimeout(done, 50));
  expect(packs().length).toBeLessThan(10);
  expect(await content(git, commit)).toBe('23');
});

test('a repository of SHA-256 hashes is read', async () => {
  const other = join(repository.home, 'sha256.git');
  const work = join(repository.home, 'sha256');
  repository.git(['init', '--quiet', '--bare', '--object-format=sha256', '--initial-branch=main', '--template=', other], repository.home);
  repository.git(['init', '--quiet', '--object-format=sha256', '--initial-branch=main', '--template=', work], repository.home);
  writeFileSync(join(work, 'main.ts'), 'long');
  repository.git(['add', '--all'], work);
  repository.git(['commit', '--quiet', '-m', 'x'], work);
  repository.git(['push', '--quiet', other, 'HEAD:main'], work);
  const commit = repository.git(['rev-parse', 'HEAD'], work);
  for (const url of [`${server.url}/sha256.git`, `file://${other}`]) {
    const git = source({ url });
    expect(await git.resolve(signal)).toEqual({ commit, revision: `main@sha256:${commit}`, ref: 'refs/heads/main' });
    expect(await content(git, commit)).toBe('long');
  }
});

test('every export has a folder of its own that is empty of what came before', async () => {
  const git = source();
  const commit = repository.commit({ 'main.ts': 'x', 'old.ts': 'x' });
  const first = await exportedBy(git, commit);
  const next = repository.commit({ 'old.ts': undefined });
  const second = await exportedBy(git, next);
  expect(first.directory).not.toBe(second.directory);
  expect([files(first.directory), files(second.directory)]).toEqual([['main.ts', 'old.ts'], ['main.ts']]);
  await first.dispose();
  expect([existsSync(first.directory), existsSync(second.directory)]).toEqual([false, true]);
});

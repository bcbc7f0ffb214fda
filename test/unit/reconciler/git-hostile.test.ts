import { randomUUID } from 'node:crypto';
import { existsSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import type { GitSource, GitSourceOptions } from '../../../reconciler/src/adapters/git.ts';
import type { StageError } from '../../../reconciler/src/stage-error.ts';
import { codes, exportedBy, files, sourceOf } from './git-source.ts';
import { COMMIT, endlessFile, malicious, onBand, packet } from './hostile-server.ts';
import type { Malice } from './hostile-server.ts';
import { Repository, serveGit } from './repositories.ts';
import type { GitServer } from './repositories.ts';

// real processes, on machines that may be busy
jest.setTimeout(90_000);

let repository: Repository;
let server: GitServer;
let path: string;
const signal = new AbortController().signal;

beforeEach(async () => {
  repository = new Repository();
  path = `${randomUUID()}.git`;
  server = await serveGit(repository.home, { allowed: () => true });
});
afterEach(async () => {
  expect(stillRunning()).toEqual([]);
  await server.close();
  repository.remove();
});

const store = (): string => join(repository.home, 'store');
const source = (options: Partial<GitSourceOptions> = {}): GitSource =>
  sourceOf(repository, { url: `${server.url}/${path}`, ref: { kind: 'branch', value: 'main' }, ...options });
const failure = async (of: Promise<unknown>): Promise<StageError> =>
  of.then(
    () => {
      throw new Error('nothing failed');
    },
    (error: StageError) => error,
  );

/** Programs of Git that deal with this test's server. */
function stillRunning(): string[] {
  return readdirSync('/proc').flatMap((name) => {
    try {
      const line = readFileSync(`/proc/${name}/cmdline`, 'latin1');
      return /^\d+$/.test(name) && line.includes(path) ? [line] : [];
    } catch {
      return [];
    }
  });
}

/** Bytes below a folder. */
function bytesOf(folder: string): number {
  if (!existsSync(folder)) return 0;
  const all = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return all.reduce((sum, entry) => sum + statSync(join(entry.parentPath, entry.name)).size, 0);
}

const line = (number: number): Buffer => packet(`${COMMIT} refs/heads/${'x'.repeat(200)}${number}\n`);

test.each<[string, Malice]>([
  ['references', { refs: () => Buffer.concat(Array.from({ length: 500 }, (_, index) => line(index))) }],
  ['abilities', { greeting: () => Buffer.concat(Array.from({ length: 500 }, () => packet(`${'x'.repeat(1000)}\n`))) }],
  ['one long line', { refs: () => Buffer.from('x'.repeat(60_000)) }],
])('a server that names %s without end is given up, before there is no memory left', async (_name, malice) => {
  server.mode = malicious(malice);
  const before = process.memoryUsage().rss;
  const error = await failure(source({ patience: { resolve: 15_000, fetch: 15_000 } }).resolve(signal));
  expect(error).toMatchObject({ stage: 'resolve', retry: true });
  expect(error.message).toMatch(/more than there is memory for|did not answer in time|bad line length/);
  expect(process.memoryUsage().rss - before).toBeLessThan(300e6);
});

test('a server that sends a file without end is cut off at the limit, and nothing of it is kept', async () => {
  server.mode = malicious({ pack: endlessFile() });
  const git = source({ mirrorLimit: 20e6 });
  expect(codes(await exportedBy(git, COMMIT))).toEqual(['error repository-too-large']);
  expect(bytesOf(store())).toBeLessThan(1e6);
});

test('a server that talks without end is cut off', async () => {
  server.mode = malicious({ pack: () => onBand(2, Buffer.from(`${'blah '.repeat(1000)}\n`)) });
  const started = Date.now();
  expect(codes(await exportedBy(source(), COMMIT))).toEqual(['error repository-too-large']);
  expect(Date.now() - started).toBeLessThan(20_000);
});

test.each<[string, () => Buffer]>([
  ['no pack', () => onBand(1, Buffer.from('no pack at all'))],
  ['an error', () => onBand(2, Buffer.from('fatal: \u001b[31mred\u001b[0m\n'))],
])('a server that sends %s is the world’s failure, told in plain words', async (_name, once) => {
  let sent = false;
  server.mode = (request, response) => {
    const pack = (): Buffer => {
      if (sent) response.end();
      sent = true;
      return once();
    };
    malicious({ pack })(request, response);
  };
  const error = await failure(source().export(COMMIT, signal));
  expect(error).toMatchObject({ stage: 'fetch', code: 'repository-unreachable' });
  expect(error.message).not.toMatch(/\p{Cc}/u);
});

test('the old protocol, in which a server may name others to be asked, is not spoken', async () => {
  server.mode = (request, response) => {
    const name = request.url ?? '';
    if (name.includes('info/refs')) return void response.end(`${COMMIT}\trefs/heads/main\n`);
    if (name.includes('alternates')) return void response.end('http://127.0.0.1:9/elsewhere\n');
    return void response.writeHead(404).end();
  };
  expect(await failure(source().export(COMMIT, signal))).toMatchObject({ stage: 'fetch' });
  expect(bytesOf(store())).toBeLessThan(1e5);
});

test('a tree that holds itself ten times on each of ten levels is too large, and found so at once', async () => {
  let tree = repository.git(['rev-parse', 'HEAD^{tree}']);
  for (let level = 0; level < 10; level += 1) {
    const entries = Array.from({ length: 10 }, (_, index) => `040000 tree ${tree}\t${index}\n`).join('');
    tree = repository.git(['mktree'], repository.work, entries);
  }
  const commit = repository.git(['commit-tree', tree, '-m', 'bomb']);
  repository.git(['push', '--quiet', '--force', 'origin', `${commit}:refs/heads/main`]);
  expect(codes(await exportedBy(source({ url: repository.url }), commit))).toEqual(['error repository-too-large']);
});

test('a file that only its compression made small is too large', async () => {
  writeFileSync(join(repository.work, 'zeros'), Buffer.alloc(24 * 1024 * 1024));
  const commit = repository.commit({});
  const tree = await exportedBy(source({ url: repository.url, treeLimits: { files: 10, bytes: 8 * 1024 * 1024 } }), commit);
  expect(codes(tree)).toEqual(['error repository-too-large']);
  expect(bytesOf(store())).toBeLessThan(5e6);
});

test('a tree that is deeper than any path may be long is refused', async () => {
  const deep = `${'d/'.repeat(3000)}x`;
  const stream = `blob\nmark :1\ndata 1\nx\ncommit refs/heads/main\ncommitter a <a@a> 0 +0000\ndata 1\nm\nM 100644 :1 ${deep}\n`;
  repository.git(['fast-import', '--quiet', '--force'], repository.bare, stream);
  const commit = repository.git(['rev-parse', 'main'], repository.bare);
  const tree = await exportedBy(source({ url: repository.url }), commit);
  expect(codes(tree)).toEqual(['error repository-entry']);
  expect(() => files(tree.directory)).toThrow('ENOENT');
});

test('large files that are elsewhere stay there, with a warning', async () => {
  const pointer = `version https://git-lfs.github.com/spec/v1\noid sha256:${'a'.repeat(64)}\nsize 12345\n`;
  const commit = repository.commit({
    'model.bin': pointer,
    '.gitattributes': '*.bin filter=lfs diff=lfs merge=lfs -text\n',
    '.lfsconfig': `[lfs]\n\turl = ${server.url}/lfs\n`,
  });
  const tree = await exportedBy(source({ url: repository.url }), commit);
  expect(tree.problems).toMatchObject([{ code: 'repository-entry', severity: 'warning', place: { file: 'model.bin' } }]);
  expect(readFileSync(join(tree.directory, 'model.bin'), 'utf8')).toBe(pointer);
  expect(server.asked).toEqual([]);
});

test('a repository that borrows from another brings its files and not the loan', async () => {
  const other = new Repository();
  const object = other.git(['hash-object', '-w', '--stdin'], other.bare, 'borrowed');
  writeFileSync(join(repository.bare, 'objects/info/alternates'), `${join(other.bare, 'objects')}\n`);
  const tree = repository.git(['mktree'], repository.bare, `100644 blob ${object}\tmain.ts\n`);
  const commit = repository.git(['commit-tree', tree, '-m', 'x'], repository.bare);
  repository.git(['update-ref', 'refs/heads/main', commit], repository.bare);
  const exported = await exportedBy(source({ url: repository.url }), commit);
  expect(readFileSync(join(exported.directory, 'main.ts'), 'utf8')).toBe('borrowed');
  expect(readdirSync(store(), { recursive: true }).filter((name) => String(name).includes('alternates'))).toEqual([]);
  other.remove();
});

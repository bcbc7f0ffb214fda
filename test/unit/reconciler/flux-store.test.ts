import { execFileSync, spawn } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, utimesSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import type { IncomingMessage } from 'node:http';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { buffer, text } from 'node:stream/consumers';
import { setTimeout as delay } from 'node:timers/promises';
import { gunzipSync } from 'node:zlib';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { serveArtifacts } from '../../../reconciler/src/adapters/flux/server.ts';
import type { ArtifactServer } from '../../../reconciler/src/adapters/flux/server.ts';
import { ArtifactStore } from '../../../reconciler/src/adapters/flux/store.ts';
import { packFiles, unpackFiles } from '../../../reconciler/src/adapters/flux/tar.ts';
import { NIGHTLY } from '../../support/nightly.ts';

// real processes, on machines that may be busy
jest.setTimeout(120_000);

const KILLS = NIGHTLY ? 20 : 10;

const PLACE = { namespace: 'shop', name: 'policies' };
const FILES = [
  { file: 'b.yaml', content: 'kind: "B"\n' },
  { file: `${'long'.repeat(45)}.yaml`, content: 'ü'.repeat(70_000) },
  { file: 'a.yaml', content: '' },
];
let directory = '';
let server: ArtifactServer | undefined;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'parapet-artifacts-'));
});
afterEach(async () => {
  await server?.close();
  server = undefined;
  rmSync(directory, { recursive: true, force: true });
});

const sha256 = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex');
const files = (): string[] => (readdirSync(directory, { recursive: true }) as string[]).filter((name) => name.includes('.tar.gz')).sort();
async function opened(): Promise<ArtifactStore> {
  const store = new ArtifactStore(directory);
  await store.open();
  return store;
}

test('an archive depends on names and contents only, and never on the day or the machine', async () => {
  const archive = await packFiles(FILES);
  expect(await packFiles([...FILES].reverse())).toEqual(archive);
  // known from the day this was written
  expect(sha256(await packFiles([{ file: 'a.yaml', content: 'kind: "A"\n' }]))).toBe(
    '2bc74289426068ec35bcb317a41ad674d13fe222b1c340d8cc2955fd200b4232',
  );
  expect(await packFiles([{ file: 'a.yaml', content: 'kind: "B"\n' }])).not.toEqual(
    await packFiles([{ file: 'a.yaml', content: 'kind: "A"\n' }]),
  );
});

test('other programs read it: names, contents, modes, owners and times', async () => {
  const archive = await packFiles(FILES);
  expect(archive.subarray(0, 10).toString('hex')).toBe('1f8b08000000000000ff');
  const listed = execFileSync('tar', ['--list', '--verbose', '--gzip', '--utc', '--numeric-owner', '--full-time'], {
    input: archive,
    encoding: 'utf8',
  });
  expect(
    listed
      .trim()
      .split('\n')
      .map((line) => line.replace(/ +/g, ' ')),
  ).toEqual([
    '-rw-r--r-- 0/0 0 1970-01-01 00:00:00 a.yaml',
    '-rw-r--r-- 0/0 10 1970-01-01 00:00:00 b.yaml',
    `-rw-r--r-- 0/0 140000 1970-01-01 00:00:00 ${'long'.repeat(45)}.yaml`,
  ]);
  execFileSync('tar', ['--extract', '--gzip', '--directory', directory], { input: archive });
  for (const { file, content } of FILES) expect(readFileSync(join(directory, file), 'utf8')).toBe(content);
  execFileSync('gzip', ['--test'], { input: archive });
  expect(gunzipSync(await packFiles([]))).toEqual(Buffer.alloc(1024));
});

test('it is read back, up to a size', async () => {
  const archive = await packFiles(FILES);
  expect([...(await unpackFiles(archive, 1_000_000))].sort()).toEqual(FILES.map(({ file, content }) => [file, content]).sort());
  await expect(unpackFiles(archive, 10_000)).rejects.toThrow();
  await expect(unpackFiles(Buffer.from('no archive'), 10_000)).rejects.toThrow();
});

test('an artifact has the name of its bytes; the current one and the one before stay', async () => {
  const store = await opened();
  const digests: string[] = [];
  for (let number = 0; number < 4; number += 1) {
    const bytes = Buffer.from(`archive ${number}`);
    const stored = await store.put(PLACE, bytes);
    expect(stored).toEqual({ digest: sha256(bytes), size: 9, path: `shop/policies/${sha256(bytes)}.tar.gz` });
    utimesSync(join(directory, stored.path), number, number);
    await store.tidy(PLACE, stored.digest);
    digests.push(stored.digest);
  }
  expect(files()).toEqual(
    digests
      .slice(2)
      .map((digest) => `shop/policies/${digest}.tar.gz`)
      .sort(),
  );
  expect(await store.read(PLACE, digests[3] ?? '')).toEqual(Buffer.from('archive 3'));
  expect(await store.read(PLACE, digests[0] ?? '')).toBeUndefined();
  await store.put(PLACE, Buffer.from('archive 2'));
  await store.tidy(PLACE, digests[2] ?? '');
  expect(files()).toHaveLength(2);
  await store.remove(PLACE);
  expect(files()).toEqual([]);
});

test('what somebody changed on disk, and what a crash left, is gone after the start; the rest stays', async () => {
  const store = await opened();
  const [good, bad] = [await store.put(PLACE, Buffer.from('good')), await store.put(PLACE, Buffer.from('bad'))];
  writeFileSync(join(directory, bad.path), 'worse');
  writeFileSync(join(directory, 'shop/policies/.0123456789ab.tmp'), 'half');
  writeFileSync(join(directory, 'shop/policies/notes.txt'), 'mine');
  writeFileSync(join(directory, 'shop/file'), 'mine');
  mkdirSync(join(directory, 'shop/policies', `${'0'.repeat(64)}.tar.gz`));
  expect(await store.read(PLACE, bad.digest)).toBeUndefined();
  expect([...(await new ArtifactStore(directory).open())].sort()).toEqual(
    [bad.path, 'shop/policies/.0123456789ab.tmp', `shop/policies/${'0'.repeat(64)}.tar.gz`].sort(),
  );
  expect(readdirSync(join(directory, 'shop/policies')).sort()).toEqual([`${good.digest}.tar.gz`, 'notes.txt'].sort());
  writeFileSync(join(directory, good.path), 'worse');
  expect((await store.put(PLACE, Buffer.from('good'))).digest).toBe(good.digest);
  expect(readFileSync(join(directory, good.path), 'utf8')).toBe('good');
});

test(`killed ${KILLS} times at any moment, what has a name is whole, and nothing else is left after the next start`, async () => {
  const writer = resolve(import.meta.dirname, 'artifact-writer.ts');
  const seen = new Set<string>();
  for (let round = 0; round < KILLS; round += 1) {
    const env = { ...process.env, NODE_OPTIONS: '' };
    const child = spawn(process.execPath, ['--conditions=source', writer, directory], { stdio: ['ignore', 'pipe', 'inherit'], env });
    const ended = new Promise((done) => child.once('close', done));
    await new Promise((begun) => child.stdout.once('data', begun));
    await delay((round * 7) % 60);
    child.kill('SIGKILL');
    await ended;
    for (const file of files()) {
      expect(file).toBe(`shop/policies/${sha256(readFileSync(join(directory, file)))}.tar.gz`);
      seen.add(file);
    }
    const removed = await new ArtifactStore(directory).open();
    expect(removed.filter((file) => !file.endsWith('.tmp'))).toEqual([]);
  }
  expect(seen.size).toBeGreaterThan(KILLS / 7);
  const store = await opened();
  await store.tidy(PLACE, (await store.put(PLACE, Buffer.from('last'))).digest);
  expect(readdirSync(join(directory, 'shop/policies'))).toHaveLength(2);
});

test.each(['..', '../x', 'a/b', '', '.hidden', 'Upper', 'a\0'])('a name %j is no place', async (name) => {
  const store = await opened();
  await expect(store.put({ namespace: 'shop', name }, Buffer.from('x'))).rejects.toThrow('is no name of an object');
  await expect(store.read({ namespace: name, name: 'x' }, '0'.repeat(64))).rejects.toThrow('is no name of an object');
  await expect(store.remove({ namespace: name, name: 'x' })).rejects.toThrow('is no name of an object');
  expect(existsSync(join(directory, 'x'))).toBe(false);
});

interface Asked {
  readonly status: number | undefined;
  readonly headers: IncomingMessage['headers'];
  readonly body: Buffer;
}
function ask(path: string, { method = 'GET', headers = {} }: { method?: string; headers?: Record<string, string> } = {}): Promise<Asked> {
  return new Promise((done, refused) => {
    const asking = request({ host: '127.0.0.1', port: server?.port, path, method, headers }, (response) => {
      buffer(response).then((body) => done({ status: response.statusCode, headers: response.headers, body }), refused);
    });
    asking.once('error', refused).end();
  });
}

test('the server gives what is stored, whole, with its digest, also to HEAD and to who has it already', async () => {
  const bytes = await packFiles(FILES);
  const { path, digest } = await (await opened()).put(PLACE, bytes);
  server = await serveArtifacts({ directory, host: '127.0.0.1', port: 0 });
  const got = await ask(`/${path}`);
  expect(got).toMatchObject({
    status: 200,
    headers: { 'content-type': 'application/gzip', 'content-length': String(bytes.length), etag: `"sha256:${digest}"` },
  });
  expect(got.body.equals(bytes)).toBe(true);
  const head = await ask(`/${path}`, { method: 'HEAD' });
  expect([head.status, head.headers['content-length'], head.body.length]).toEqual([200, String(bytes.length), 0]);
  const known = await ask(`/${path}`, { headers: { 'if-none-match': `"sha256:${digest}"` } });
  expect([known.status, known.body.length]).toEqual([304, 0]);
  const ranged = await ask(`/${path}`, { headers: { range: 'bytes=0-9' } });
  expect([ranged.status, ranged.body.length]).toEqual([200, bytes.length]);
  expect((await Promise.all(Array.from({ length: 30 }, () => ask(`/${path}`)))).every(({ body }) => body.equals(bytes))).toBe(true);
});

test('the server gives nothing else: no listing, no way out, no other method', async () => {
  const { path, digest } = await (await opened()).put(PLACE, Buffer.from('artifact'));
  writeFileSync(join(directory, 'shop/policies/notes.txt'), 'mine');
  writeFileSync(join(directory, 'secret.tar.gz'), 'mine');
  const link = '1'.repeat(64);
  symlinkSync('/etc/passwd', join(directory, 'shop/policies', `${link}.tar.gz`));
  mkdirSync(join(directory, 'shop/policies', `${'2'.repeat(64)}.tar.gz`));
  execFileSync('mkfifo', [join(directory, 'shop/policies', `${'3'.repeat(64)}.tar.gz`)]);
  server = await serveArtifacts({ directory, host: '127.0.0.1', port: 0 });
  const wrong = [
    '/',
    '/shop',
    '/shop/',
    '/shop/policies/',
    '/shop/policies/notes.txt',
    '/secret.tar.gz',
    `/${path}/`,
    `/${path}?x=1`,
    `//${path}`,
    `/${path}#x`,
    `/shop/../shop/policies/${digest}.tar.gz`,
    `/shop/%2e%2e/policies/${digest}.tar.gz`,
    `/../../etc/passwd`,
    `/shop/policies/..%2f${digest}.tar.gz`,
    `/shop/policies/${digest.toUpperCase()}.tar.gz`,
    `/shop/policies/${link}.tar.gz`,
    `/shop/policies/${'2'.repeat(64)}.tar.gz`,
    `/shop/policies/${'3'.repeat(64)}.tar.gz`,
    `/shop/policies/${'4'.repeat(64)}.tar.gz`,
    `/./shop/policies/${digest}.tar.gz`,
    `/shop\\policies\\${digest}.tar.gz`,
    `http://localhost/${path}`,
  ];
  for (const each of wrong) expect([each, (await ask(each)).status, (await ask(each)).body.length]).toEqual([each, 404, 0]);
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS']) {
    const refused = await ask(`/${path}`, { method });
    expect([method, refused.status, refused.headers.allow]).toEqual([method, 405, 'GET, HEAD']);
  }
  expect((await ask(`/${path}`)).body.toString()).toBe('artifact');
});

test('a request that is none, and one that breaks off, hurt nobody; a port that is taken is said', async () => {
  const { path } = await (await opened()).put(PLACE, Buffer.alloc(5_000_000, 'x'));
  const { port } = (server = await serveArtifacts({ directory, host: '127.0.0.1', port: 0 }));
  const garbage = connect(port, '127.0.0.1').end('GARBAGE\0\r\n\r\n');
  expect(await text(garbage)).toMatch(/^HTTP\/1.1 400/);
  for (let number = 0; number < 5; number += 1) {
    const socket = connect(port, '127.0.0.1');
    socket.write(`GET /${path} HTTP/1.1\r\nhost: x\r\n\r\n`);
    await new Promise((begun) => socket.once('data', begun));
    socket.destroy();
  }
  expect((await ask(`/${path}`)).body).toHaveLength(5_000_000);
  await expect(serveArtifacts({ directory, host: '127.0.0.1', port })).rejects.toMatchObject({ code: 'EADDRINUSE' });
});

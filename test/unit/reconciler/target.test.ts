import { execFileSync, spawn } from 'node:child_process';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  promises as fs,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { afterEach, beforeEach, expect, jest, test } from '@jest/globals';
import { StandaloneTarget } from '../../../reconciler/src/adapters/standalone/target.ts';
import { FileStore } from '../../../reconciler/src/adapters/standalone/store.ts';
import { StageError } from '../../../reconciler/src/stage-error.ts';
import { NIGHTLY } from '../../support/nightly.ts';
import { nodeReport } from './builders.ts';
import { revision } from './revisions.ts';

// real processes, on machines that may be busy
jest.setTimeout(60_000);

const KILLS = NIGHTLY ? 30 : 10;

let home = '';
let directory = '';

beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'parapet-target-'));
  directory = join(home, 'target');
});
afterEach(() => {
  jest.restoreAllMocks();
  rmSync(home, { recursive: true, force: true });
});

const at = (...parts: readonly string[]): string => join(directory, ...parts);

/** What a reader of the target sees; throws when it is not one whole revision. */
function seen(): number | undefined {
  if (!existsSync(at('policies'))) return undefined;
  const names = readdirSync(at('policies')).sort();
  const number = names.length - 1;
  const wanted = revision(number);
  expect(names).toEqual(wanted.files.map(({ file }) => file));
  for (const { file, content } of wanted.files) expect(readFileSync(at('policies', file), 'utf8')).toBe(content);
  return number;
}
/** Files that no finished run leaves. */
const leftovers = (): string[] => [...readdirSync(directory), ...readdirSync(at('.store'))].filter((name) => /\.tmp$|^\.new-/.test(name));

async function opened(): Promise<StandaloneTarget> {
  const target = new StandaloneTarget(directory);
  expect(await target.open()).toEqual([]);
  return target;
}

test('a revision is stored as files behind one link, with its inventory', async () => {
  const target = await opened();
  expect(await target.inventory()).toBeUndefined();
  await target.apply(revision(2));
  expect(seen()).toBe(2);
  const { inventory } = revision(2);
  expect(readlinkSync(at('policies'))).toBe(join('.store', inventory.digest));
  expect(JSON.parse(readFileSync(at('inventory.json'), 'utf8'))).toEqual(inventory);
  expect(await new StandaloneTarget(directory).inventory()).toEqual(inventory);
});

test('readers see whole revisions only, while they change', async () => {
  const target = await opened();
  await target.apply(revision(0));
  let writing = true;
  const writes = (async () => {
    for (let number = 1; number < 40; number += 1) await target.apply(revision(number % 7));
    writing = false;
  })();
  const numbers = new Set<number>();
  while (writing) {
    // as a reader would: resolve the link once, read what is there
    const revisionDirectory = at(readlinkSync(at('policies')));
    const names = readdirSync(revisionDirectory);
    const texts = new Set(names.map((name) => readFileSync(join(revisionDirectory, name), 'utf8').split('\n')[0]));
    expect([...texts]).toEqual([`number: ${names.length - 1}`]);
    numbers.add(names.length - 1);
    await delay(1);
  }
  await writes;
  expect(numbers.size).toBeGreaterThan(2);
});

test('old revisions go, but for two that somebody may still read', async () => {
  const target = await opened();
  for (let number = 0; number < 6; number += 1) await target.apply(revision(number));
  expect(readdirSync(at('.store')).filter((name) => /^[0-9a-f]{64}$/.test(name))).toHaveLength(3);
  expect(readdirSync(at('.store')).filter((name) => name.endsWith('.json'))).toHaveLength(3);
});

const STEPS = ['mkdir', 'mkdtemp', 'chmod', 'open', 'rename', 'symlink', 'readdir', 'readlink', 'rm', 'stat'] as const;

/** From the `step`th call of the file system on, every call fails: as after a crash, nothing is cleaned up. Gives the calls so far. */
function crashAt(step: number): () => number {
  let calls = 0;
  for (const name of STEPS) {
    const real = fs[name].bind(fs) as (...args: unknown[]) => unknown;
    jest.spyOn(fs, name).mockImplementation(((...args: unknown[]) => {
      calls += 1;
      return calls >= step ? Promise.reject(Object.assign(new Error('crashed'), { code: 'EIO' })) : real(...args);
    }) as never);
  }
  return () => calls;
}

test('after a crash at any step readers see the old revision or the new one, and the next run brings the new one and cleans up', async () => {
  const steps = { last: Number.POSITIVE_INFINITY };
  for (let step = 1; step <= steps.last; step += 1) {
    rmSync(directory, { recursive: true, force: true });
    await (await opened()).apply(revision(1));
    const target = await opened();
    const calls = crashAt(step);
    const result = await target.apply(revision(3)).then(
      () => 'done',
      (error: unknown) => error,
    );
    jest.restoreAllMocks();
    if (result === 'done') steps.last = Math.min(steps.last, calls());
    else expect(result).toBeInstanceOf(StageError);
    const now = seen();
    expect([1, 3]).toContain(now);
    const again = await opened();
    expect(leftovers()).toEqual([]);
    expect((await again.inventory())?.commit).toBe(revision(now ?? 0).inventory.commit);
    expect(readFileSync(at('inventory.json'), 'utf8')).toContain(revision(now ?? 0).inventory.commit);
    await again.apply(revision(3));
    expect(seen()).toBe(3);
    expect(step).toBeLessThan(100);
  }
  expect(steps.last).toBeGreaterThan(10);
});

test(`killed ${KILLS} times at any moment, it always shows one whole revision and goes on from there`, async () => {
  const writer = resolve(import.meta.dirname, 'target-writer.ts');
  for (let round = 0; round < KILLS; round += 1) {
    const env = { ...process.env, NODE_OPTIONS: '' };
    const child = spawn(process.execPath, ['--conditions=source', writer, directory], { stdio: ['ignore', 'pipe', 'inherit'], env });
    const ended = new Promise((done) => child.once('close', done));
    await new Promise((opened) => child.stdout.once('data', opened));
    await delay((round * 7) % 40);
    child.kill('SIGKILL');
    await ended;
    const now = seen();
    const inventory = await (await opened()).inventory();
    expect(inventory?.commit).toBe(now === undefined ? undefined : revision(now).inventory.commit);
    expect(leftovers()).toEqual([]);
  }
  await (await opened()).apply(revision(4));
  expect(seen()).toBe(4);
});

test('what is in the target and not ours is left alone', async () => {
  mkdirSync(at('.store'), { recursive: true });
  for (const name of ['notes.txt', '.hidden', 'x.tmp', '.store/notes.txt', '.store/.x.tmp', '.store/outbox.json'])
    writeFileSync(at(name), 'mine');
  const target = await opened();
  for (let number = 0; number < 5; number += 1) await target.apply(revision(number));
  for (const name of ['notes.txt', '.hidden', 'x.tmp', '.store/notes.txt', '.store/.x.tmp', '.store/outbox.json'])
    expect(readFileSync(at(name), 'utf8')).toBe('mine');
});

test.each([
  ['a directory', (path: string) => mkdirSync(join(path, 'keep'), { recursive: true })],
  ['a file', (path: string) => writeFileSync(path, 'mine')],
  ['a link elsewhere', (path: string) => symlinkSync('/etc', path)],
  ['a link out of the store', (path: string) => symlinkSync('.store/../../x', path)],
])('a policies entry that is %s is refused as not ours', async (_name, make) => {
  mkdirSync(directory);
  make(at('policies'));
  expect(await new StandaloneTarget(directory).open()).toMatchObject([{ code: 'target-not-ours', place: { file: at('policies') } }]);
  expect(readdirSync(directory)).toEqual(['policies']);
});

test('a revision that somebody changed by hand is not taken for the one that was stored', async () => {
  const target = await opened();
  await target.apply(revision(1));
  writeFileSync(at('policies/shop.p0.yaml'), 'number: 9\n');
  await target.apply(revision(1));
  expect(seen()).toBe(1);
});

test('a damaged inventory is never guessed: the target says which file it is, and without the link starts anew', async () => {
  await (await opened()).apply(revision(1));
  const file = at('.store', `${revision(1).inventory.digest}.json`);
  truncateSync(file, 20);
  const opening = new StandaloneTarget(directory).open();
  await expect(opening).rejects.toMatchObject({ stage: 'target', retry: false });
  await expect(opening).rejects.toThrow(file);
  // the way out that the guide names
  rmSync(at('policies'));
  await (await opened()).apply(revision(1));
  expect(seen()).toBe(1);
});

test('a target that cannot be written is the world’s failure, and what was applied stays', async () => {
  writeFileSync(join(home, 'file'), '');
  await expect(new StandaloneTarget(join(home, 'file/target')).open()).rejects.toThrow(
    `the target ${join(home, 'file/target')} cannot be prepared (ENOTDIR)`,
  );
  const target = await opened();
  await target.apply(revision(1));
  for (const code of ['EROFS', 'ENOSPC', 'EACCES']) {
    jest.spyOn(fs, 'mkdtemp').mockRejectedValue(Object.assign(new Error(code), { code }));
    await expect(target.apply(revision(2))).rejects.toThrow(`the target ${directory} cannot be written (${code})`);
    jest.restoreAllMocks();
    expect(seen()).toBe(1);
  }
  await target.apply(revision(2));
  expect(seen()).toBe(2);
});

test('reports are read by node; what is none says why, and nothing is followed or waited for', async () => {
  const target = await opened();
  writeFileSync(at('reports/n1.json'), JSON.stringify(nodeReport('n1')));
  writeFileSync(at('reports/broken.json'), '{');
  writeFileSync(at('reports/huge.json'), Buffer.alloc(8 * 1024 * 1024 + 1, ' '));
  writeFileSync(at('reports/.n2.json'), '{}');
  writeFileSync(at('reports/n3.json.tmp'), '{}');
  symlinkSync('/etc/passwd', at('reports/link.json'));
  mkdirSync(at('reports/folder.json'));
  execFileSync('mkfifo', [at('reports/pipe.json')]);
  const reports = await target.reports();
  expect(reports.map(({ node, fault }) => [node, fault])).toEqual([
    ['broken', undefined],
    ['folder', 'it is not a regular file'],
    ['huge', 'it is larger than 8 MiB'],
    ['link', 'it is not a regular file'],
    ['n1', undefined],
    ['pipe', 'it is not a regular file'],
  ]);
  expect(reports.find(({ node }) => node === 'n1')?.value).toEqual(nodeReport('n1'));
  expect(reports.find(({ node }) => node === 'broken')?.value).toBeUndefined();
  rmSync(at('reports'), { recursive: true });
  expect(await target.reports()).toEqual([]);
});

test('a store gives back what was saved last, and nothing for a file that is none', async () => {
  const store = new FileStore(join(home, 'deep/outbox.json'));
  expect(await store.load()).toBeUndefined();
  await store.save({ a: 1 });
  await store.save({ a: 2 });
  expect(await store.load()).toEqual({ a: 2 });
  expect(readdirSync(join(home, 'deep'))).toEqual(['outbox.json']);
  for (const text of ['{', '', '\0']) {
    writeFileSync(join(home, 'deep/outbox.json'), text);
    expect(await store.load()).toBeUndefined();
  }
});

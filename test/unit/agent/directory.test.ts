import { mkdir, mkdtemp, rename, rm, symlink, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { execFileSync } from 'node:child_process';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { openDirectory } from '../../../agent/src/adapters/directory/index.ts';
import type { ManifestFile, PolicySource } from '../../../agent/src/ports.ts';
import { eventually } from '../../support/agent-fakes.ts';

let home = '';
let source: PolicySource;
let seen: (readonly ManifestFile[])[] = [];

beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'parapet-directory-'));
  seen = [];
});

afterEach(async () => {
  await source.close();
  await rm(home, { recursive: true, force: true });
});

const put = async (file: string, text: string): Promise<void> => {
  await mkdir(join(home, file, '..'), { recursive: true });
  await writeFile(join(home, file), text);
};

/** Watches a directory below `home`; an interval of an hour leaves it to the kernel's notifications. */
async function watching(directory = '.', interval = 20): Promise<void> {
  source = openDirectory({ directory: join(home, directory), interval });
  await source.watch((files) => void seen.push(files));
}

/** What is there now: file name to names of documents, or to the codes of its problems. */
function now(): Record<string, unknown[]> {
  const files = seen.at(-1) ?? [];
  return Object.fromEntries(
    files.map(({ file, documents, problems }) => [
      file,
      problems.length > 0 ? problems.map(({ code }) => code) : documents.map(({ value }) => (value as { name: string } | null)?.name),
    ]),
  );
}

test('manifests are found at any depth, in files of every suffix, with several documents each', async () => {
  await put('p/a.yaml', 'name: one\n---\nname: two\n');
  await put('p/deep/er/b.yml', 'name: three\n');
  await put('p/deep/c.json', '{"name": "four"}');
  await put('p/readme.md', 'name: no\n');
  await put('p/.hidden/d.yaml', 'name: no\n');
  await put('p/.e.yaml', 'name: no\n');
  await put('p/reports/node.json', '{"name": "no"}');
  await put('p/inventory.json', '{"name": "no"}');
  await watching('p');
  expect(now()).toEqual({ 'a.yaml': ['one', 'two'], 'deep/c.json': ['four'], 'deep/er/b.yml': ['three'] });
});

test('changes, new files and removed ones are told, and what did not change is the very same object', async () => {
  await put('p/a.yaml', 'name: one\n');
  await put('p/b.yaml', 'name: two\n');
  await watching('p');
  const [a] = seen.at(-1) ?? [];
  await put('p/b.yaml', 'name: changed\n');
  await put('p/new/c.yaml', 'name: three\n');
  await eventually('the change', () => now()['new/c.yaml']?.[0] === 'three' && now()['b.yaml']?.[0] === 'changed');
  expect(seen.at(-1)?.[0]).toBe(a);
  await rm(join(home, 'p/a.yaml'));
  await eventually('the removal', () => !('a.yaml' in now()));
});

test('the kernel tells of changes without waiting for the next look', async () => {
  await put('p/sub/a.yaml', 'name: one\n');
  await watching('p', 3_600_000);
  await put('p/sub/a.yaml', 'name: changed\n');
  await eventually('the change', () => now()['sub/a.yaml']?.[0] === 'changed');
});

test('a file that is only touched changes nothing of what it means', async () => {
  await put('p/a.yaml', 'name: one\n');
  await watching('p');
  const [a] = seen.at(-1) ?? [];
  await utimes(join(home, 'p/a.yaml'), 1, 1);
  await source.refresh();
  expect(seen.at(-1)?.[0]).toBe(a);
});

test('a refresh has what was written before it', async () => {
  await put('p/a.yaml', 'name: one\n');
  await watching('p', 3_600_000);
  for (const name of ['two', 'three', 'four']) {
    await put('p/a.yaml', `name: ${name}\n`);
    await source.refresh();
    expect(now()).toEqual({ 'a.yaml': [name] });
  }
});

test('a syntax error is told with its place, and makes the whole file broken', async () => {
  await put('p/a.yaml', 'name: one\n---\nname: [two\n');
  await watching('p');
  const [file] = seen.at(-1) ?? [];
  expect(file?.documents).toEqual([]);
  expect(file?.problems[0]).toMatchObject({
    code: 'yaml-syntax',
    severity: 'error',
    place: { file: 'a.yaml', line: expect.any(Number) as unknown },
  });
});

test.each([
  ['twice the same key', 'name: one\nname: two\n', 'yaml-syntax'],
  ['bytes that are no text', Buffer.from([0x6e, 0x3a, 0x20, 0xff, 0xfe]), 'file-unreadable'],
  ['more than a mebibyte', `name: one\n#${'x'.repeat(1024 * 1024)}\n`, 'file-unreadable'],
  ['aliases that grow without end', bomb(), 'yaml-syntax'],
])('%s is a problem of the file', async (_, text, code) => {
  await mkdir(join(home, 'p'));
  await writeFile(join(home, 'p/a.yaml'), text);
  await watching('p');
  expect(now()).toEqual({ 'a.yaml': [code] });
});

function bomb(): string {
  const level = (index: number): string =>
    `l${index}: &l${index} [${Array<string>(9)
      .fill(`*l${index - 1}`)
      .join(', ')}]`;
  return ['l0: &l0 [x]', ...Array.from({ length: 9 }, (_, index) => level(index + 1))].join('\n');
}

test('a pipe in the directory is told and never opened', async () => {
  await put('p/a.yaml', 'name: one\n');
  execFileSync('mkfifo', [join(home, 'p/pipe.yaml')]);
  await watching('p');
  expect(now()).toEqual({ 'a.yaml': ['one'], 'pipe.yaml': ['file-unreadable'] });
});

test('a directory that contains itself through a link is read once', async () => {
  await put('p/a.yaml', 'name: one\n');
  await symlink('..', join(home, 'p/loop')).catch(() => undefined);
  await mkdir(join(home, 'p/sub'));
  await symlink('../sub', join(home, 'p/sub/self'));
  await watching('p/sub');
  expect(now()).toEqual({ self: ['file-unreadable'] });
});

test('a directory that is not there yet is waited for', async () => {
  await watching('p');
  expect(now()).toEqual({ '': ['file-unreadable'] });
  await put('p/a.yaml', 'name: one\n');
  await eventually('the directory', () => now()['a.yaml']?.[0] === 'one');
});

test('when the whole directory vanishes everything stays, and that is told once', async () => {
  await put('p/a.yaml', 'name: one\n');
  await watching('p');
  await rename(join(home, 'p'), join(home, 'elsewhere'));
  await eventually('the loss', () => '' in now());
  expect(now()).toEqual({ 'a.yaml': ['one'], '': ['file-unreadable'] });
  const told = seen.length;
  await source.refresh();
  expect(seen.length).toBe(told);
  await rename(join(home, 'elsewhere'), join(home, 'p'));
  await eventually('the return', () => !('' in now()));
  expect(now()).toEqual({ 'a.yaml': ['one'] });
});

test('a link that is renamed over is one revision or the other, never a mixture', async () => {
  const revisions = 30;
  for (let revision = 0; revision <= revisions; revision += 1) {
    for (const name of ['a', 'b', 'c']) await put(`target/.store/${revision}/${name}.yaml`, `name: r${revision}\n`);
  }
  const flip = async (revision: number): Promise<void> => {
    await symlink(`.store/${revision}`, join(home, 'target/.next'));
    await rename(join(home, 'target/.next'), join(home, 'target/policies'));
  };
  await flip(0);
  await watching('target', 5);
  for (let revision = 1; revision <= revisions; revision += 1) {
    await flip(revision);
    await rm(join(home, `target/.store/${revision - 1}`), { recursive: true });
    await new Promise((resolve) => setTimeout(resolve, 7));
  }
  await eventually('the last revision', () => now()['policies/a.yaml']?.[0] === `r${revisions}`);
  for (const files of seen) {
    const read = files.filter(({ documents }) => documents.length > 0);
    expect(new Set(read.map(({ documents }) => (documents[0]?.value as { name: string }).name)).size).toBe(1);
    expect(read).toHaveLength(3);
  }
});

test('what lies behind a link that leads nowhere for a moment stays', async () => {
  await put('target/.store/1/a.yaml', 'name: one\n');
  await symlink('.store/1', join(home, 'target/policies'));
  await watching('target');
  await rename(join(home, 'target/.store/1'), join(home, 'target/.store/2'));
  await eventually('the problem', () => 'policies' in now());
  expect(now()).toEqual({ 'policies/a.yaml': ['one'], policies: ['file-unreadable'] });
});

test('lines are those of the document, also of fields that are missing', async () => {
  await put('p/a.yaml', '# a comment\nkind: A\nspec:\n  rules:\n    - path: /a\n    - path: /b\n---\nkind: B\n');
  await watching('p');
  const [first, second] = seen.at(-1)?.[0]?.documents ?? [];
  expect(first?.lineOf([])).toBe(2);
  expect(first?.lineOf(['spec', 'rules', 1, 'path'])).toBe(6);
  expect(first?.lineOf(['spec', 'rules', 0, 'missing', 'deeper'])).toBe(5);
  expect(first?.lineOf(['spec', 'rules'])).toBe(4);
  expect(second?.lineOf(['kind'])).toBe(8);
});

test('a change that comes just after a look that took long is not left for later', async () => {
  await put('a.yaml', 'name: one\n');
  source = openDirectory({ directory: home, interval: 3_600_000 });
  await source.watch((files) => {
    seen.push(files);
    for (const end = performance.now() + 200; performance.now() < end;);
  });
  await new Promise((resolve) => setTimeout(resolve, 100));
  await put('a.yaml', 'name: two\n');
  await eventually('the first change', () => seen.length === 2);
  await put('a.yaml', 'name: three\n');
  await eventually('the second change', () => seen.length === 3);
  expect(now()).toEqual({ 'a.yaml': ['three'] });
});

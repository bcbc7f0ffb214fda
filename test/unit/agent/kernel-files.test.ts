import { linkSync, mkdirSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openFiles } from '../../../agent/src/adapters/kernel/files.ts';
import { startInRoot } from '../../support/foreign-root.ts';
import type { ForeignRoot } from '../../support/foreign-root.ts';

const files = openFiles({ bpfDirectory: path.join(import.meta.dirname, '../../../bpf/build') });
let root: ForeignRoot;
let inode: bigint;

beforeAll(async () => {
  root = await startInRoot((at) => {
    mkdirSync(path.join(at, 'etc'));
    writeFileSync(path.join(at, 'etc/secret'), '');
    linkSync(path.join(at, 'etc/secret'), path.join(at, 'alias'));
    writeFileSync(path.join(at, 'etc/other'), '');
    symlinkSync('secret', path.join(at, 'etc/link'));
    inode = statSync(path.join(at, 'etc/secret'), { bigint: true }).ino;
  });
});

afterAll(() => root.close());

test('names of one file are one file, and names of others are not', async () => {
  const found = await files.find(root.pid, ['/etc/secret', '/alias', '/etc/other']);
  expect(found?.get('/etc/secret')).toMatchObject({ inode, links: 2 });
  expect(found?.get('/alias')).toEqual(found?.get('/etc/secret'));
  expect(found?.get('/etc/other')).not.toEqual(found?.get('/etc/secret'));
});

test('directories, symbolic links and what is not there are no files', async () => {
  expect([...((await files.find(root.pid, ['/etc', '/etc/link', '/nowhere', '/'])) ?? [])]).toEqual([]);
});

test('a path never leads out of the root', async () => {
  expect((await files.find(root.pid, ['/../../etc/secret']))?.get('/../../etc/secret')?.inode).toBe(inode);
});

test('a process that is gone has no files', async () => {
  expect(await files.find(4_000_000, ['/etc/secret'])).toBeUndefined();
});

import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { afterAll, beforeAll, expect, test } from '@jest/globals';
import { openLinks } from '../../../agent/src/adapters/kernel/links.ts';
import { startInRoot } from '../../support/foreign-root.ts';
import type { ForeignRoot } from '../../support/foreign-root.ts';

const links = openLinks({ bpfDirectory: path.join(import.meta.dirname, '../../../bpf/build') });
let root: ForeignRoot;

beforeAll(async () => {
  root = await startInRoot((at) => {
    const link = (name: string, target: string): void => symlinkSync(target, path.join(at, name));
    mkdirSync(path.join(at, 'usr/bin'), { recursive: true });
    mkdirSync(path.join(at, 'etc'));
    writeFileSync(path.join(at, 'usr/bin/dash'), '');
    link('bin', 'usr/bin');
    link('usr/bin/sh', 'dash');
    link('etc/above', '../../../../usr/bin/dash');
    link('etc/absolute', '/usr/bin/dash');
    link('etc/later', '/opt/later');
    link('etc/loop', 'loop');
    link('etc/magic', '/proc/self/root/usr/bin/dash');
    for (let number = 0; number < 60; number += 1) link(`etc/chain${number}`, number === 0 ? '/usr/bin/dash' : `chain${number - 1}`);
    symlinkSync(Buffer.from('/usr/bin/\xff\xfe', 'latin1'), path.join(at, 'etc/binary'));
  });
});

afterAll(() => root.close());

async function targets(...paths: readonly string[]): Promise<Record<string, readonly string[]>> {
  return Object.fromEntries((await links.resolve(root.pid, paths)) ?? []);
}

test('a path leads where its parents and its last component lead, in the container’s own root', async () => {
  expect(await targets('/bin/sh', '/bin/dash', '/bin', '/usr/bin/sh', '/usr/bin/dash')).toEqual({
    '/bin/sh': ['/usr/bin/sh', '/usr/bin/dash'],
    '/bin/dash': ['/usr/bin/dash'],
    '/bin': ['/usr/bin'],
    '/usr/bin/sh': ['/usr/bin/dash'],
  });
});

test('a link never leads out of the root, however many parents it asks for', async () => {
  expect(await targets('/etc/above', '/etc/absolute')).toEqual({ '/etc/above': ['/usr/bin/dash'], '/etc/absolute': ['/usr/bin/dash'] });
});

test('what is not there yet is known by the parents that are, and by where its link leads', async () => {
  expect(await targets('/bin/new/tool', '/etc/later', '/nowhere/at/all')).toEqual({
    '/bin/new/tool': ['/usr/bin/new/tool'],
    '/etc/later': ['/opt/later'],
  });
});

test('loops, long chains and links to the kernel’s own lead nowhere', async () => {
  expect(await targets('/etc/loop', '/etc/chain59', '/etc/magic', '/proc/self/root/plain', '/proc/self/exe')).toEqual({});
});

test('a target that no rule could name is left out', async () => {
  expect(await targets('/etc/binary')).toEqual({});
});

test('many paths are answered, and one that is none is passed over', async () => {
  const many = [...Array<number>(3000).keys()].map((number) => `/bin/tool${number}`);
  const found = await links.resolve(root.pid, [...many, 'relative', '', '/']);
  expect(found?.size).toBe(3000);
  expect(found?.get('/bin/tool2999')).toEqual(['/usr/bin/tool2999']);
});

test('a process that is gone has no root', async () => {
  const other = await startInRoot(() => undefined);
  await other.close();
  expect(await links.resolve(other.pid, ['/bin/sh'])).toBeUndefined();
});

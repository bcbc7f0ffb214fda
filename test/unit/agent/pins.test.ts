import { readdirSync } from 'node:fs';
import { mkdir, mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { removePins } from '../../../agent/src/adapters/pins.ts';

let home = '';
beforeEach(async () => {
  home = await mkdtemp(join(tmpdir(), 'parapet-pins-'));
});
afterEach(() => rm(home, { recursive: true, force: true }));

test('everything that any version left is removed, and nothing beside it', async () => {
  for (const directory of ['parapet/v1/links-0123', 'parapet/v1/maps', 'parapet/v2/links-unfinished', 'another'])
    await mkdir(join(home, directory), { recursive: true });
  await writeFile(join(home, 'parapet/v1/links-0123/on_exec'), '');
  await writeFile(join(home, 'parapet/v1/maps/tables'), '');
  expect(await removePins(join(home, 'parapet'))).toBe(true);
  expect(await readdir(home)).toEqual(['another']);
});

test('whoever waits for programs of any version is woken when those are gone, and their maps are not', async () => {
  for (const directory of ['parapet/v1/links-0123', 'parapet/v1/maps', 'parapet/v2/maps'])
    await mkdir(join(home, directory), { recursive: true });
  const woken: (readonly [string, readonly string[]])[] = [];
  await removePins(join(home, 'parapet'), (maps) => woken.push([maps, readdirSync(dirname(maps))]));
  expect(woken.sort()).toEqual([
    [join(home, 'parapet/v1/maps'), ['maps']],
    [join(home, 'parapet/v2/maps'), ['maps']],
  ]);
});

test('where nothing is left it says so', async () => {
  expect(await removePins(join(home, 'parapet'))).toBe(false);
});

test('what cannot be removed is an error that names the place', async () => {
  await writeFile(join(home, 'parapet'), 'a file where a directory should be');
  await expect(removePins(join(home, 'parapet'))).rejects.toThrow(`what is pinned in ${join(home, 'parapet')} cannot be removed`);
});

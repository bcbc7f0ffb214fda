import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { LockedPackages } from '../../../reconciler/src/adapters/synth/locked-packages.ts';
import { emptyStore, lockedAs, lockOf, packageOf, put } from './package-stores.ts';
import { repository } from './synth-fixture.ts';

const first = await packageOf('first', '1.0.0', { 'index.js': 'a'.repeat(600) });
const second = await packageOf('second', '1.0.0', { 'index.js': 'b'.repeat(600) });
const lock = lockOf({ first: lockedAs('1.0.0', first), second: lockedAs('1.0.0', second) });

function locked(maxBytes?: number): { readonly files: LockedPackages; readonly store: string; readonly at: (path: string) => string } {
  const folder = repository({ 'package-lock.json': lock, 'main.ts': 'own' });
  const store = emptyStore();
  for (const archive of [first, second]) put(store, archive);
  const options = { repository: folder, store, isWanted: (name: string) => /\.js(on)?$/.test(name) };
  const files = new LockedPackages({ ...options, ...(maxBytes === undefined ? {} : { maxBytes }) });
  return { files, store, at: (path) => join(folder, path) };
}

test('paths of packages are answered for as if they were there, and all others by the disk', async () => {
  const { files, at } = locked();
  const kinds = ['node_modules/first', 'node_modules/first/index.js', 'node_modules/first/lib', 'node_modules', 'main.ts', 'none.ts'];
  const found = await Promise.all(kinds.map(async (path) => files.locate(at(path))));
  expect(found.map((one) => one?.kind)).toEqual(['directory', 'file', undefined, undefined, 'file', undefined]);
  expect(String(await files.read(at('node_modules/second/index.js'), 1_000))).toBe('b'.repeat(600));
  expect(String(await files.read(at('main.ts'), 1_000))).toBe('own');
});

test('a file of a package may be no larger than any other, and what is not in it cannot be read', async () => {
  const { files, at } = locked();
  await expect(files.read(at('node_modules/first/index.js'), 100)).rejects.toMatchObject({ code: 'import-refused' });
  await expect(files.read(at('node_modules/first/../../main.ts/none'), 100)).rejects.toMatchObject({ code: 'file-unreadable' });
});

test('an archive is opened when a file of it is asked for, and not before', async () => {
  const { files, store, at } = locked();
  put(store, second, Buffer.from('changed'));
  await files.read(at('node_modules/first/index.js'), 1_000);
  expect(await files.locate(at('node_modules/second'))).toMatchObject({ kind: 'directory' });
  await expect(files.locate(at('node_modules/second/index.js'))).rejects.toThrow('tampered with');
});

test('all packages together have no more than they may, whichever comes last', async () => {
  for (const [one, other] of [
    ['first', 'second'],
    ['second', 'first'],
  ]) {
    const { files, at } = locked(1_000);
    await files.read(at(`node_modules/${one}/index.js`), 1_000);
    await expect(files.read(at(`node_modules/${other}/index.js`), 1_000)).rejects.toMatchObject({
      message: 'the packages of package-lock.json that are imported have more than 1000 bytes',
      place: { file: 'package-lock.json' },
    });
  }
});

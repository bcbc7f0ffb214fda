import { gzipSync } from 'node:zlib';
import { describe, expect, test } from '@jest/globals';
import { PackageArchive } from '../../../reconciler/src/adapters/synth/package-archive.ts';
import type { ArchiveLimits } from '../../../reconciler/src/adapters/synth/package-archive.ts';
import { archiveOf } from './package-stores.ts';
import type { ArchiveEntry } from './package-stores.ts';

const isWanted = (name: string): boolean => name.endsWith('.js') || name.endsWith('.json');
const unpack = (data: Buffer, limits?: ArchiveLimits): Promise<PackageArchive> => PackageArchive.unpack(data, isWanted, limits);
const unpacked = async (...entries: readonly ArchiveEntry[]): Promise<PackageArchive> => unpack(await archiveOf(entries));

test('files are known without the folder around them, whatever that is called, and folders by their files', async () => {
  const archive = await unpacked(
    { name: 'package/', type: 'directory' },
    { name: 'package/package.json', content: '{}' },
    { name: './package//lib/deep/a.js', content: 'a' },
    { name: 'other/b.js', content: 'b' },
  );
  expect([archive.read('package.json'), archive.read('lib/deep/a.js'), archive.read('b.js')].map(String)).toEqual(['{}', 'a', 'b']);
  expect(['', 'lib', 'lib/deep', 'lib/deep/a.js', 'b.js', 'li', 'package'].map((path) => archive.kindOf(path))).toEqual([
    ...['directory', 'directory', 'directory', 'file', 'file'],
    ...[undefined, undefined],
  ]);
});

test('what cannot be imported is not kept', async () => {
  const archive = await unpacked({ name: 'package/a.js', content: 'a' }, { name: 'package/addon.node', content: '\u007fELF' });
  expect([archive.kindOf('a.js'), archive.kindOf('addon.node'), archive.size]).toEqual(['file', undefined, 1]);
});

test.each([
  ['a symbolic link', { type: 'symlink', linkname: '/etc/passwd' }],
  ['a hard link', { type: 'link', linkname: '/etc/passwd' }],
  ['a device', { type: 'character-device' }],
  ['a FIFO', { type: 'fifo' }],
  ['a folder', { type: 'directory' }],
] as const)('%s is no file, even by a name that could be imported', async (_what, header) => {
  const archive = await unpacked({ name: 'package/a.js', ...header }, { name: 'package/b.js', content: 'b' });
  expect([archive.kindOf('a.js'), archive.read('a.js'), archive.kindOf('b.js')]).toEqual([undefined, undefined, 'file']);
});

describe('an archive is refused', () => {
  test.each(['package/../../etc/a.js', '../a.js', 'package/..', '/etc/a.js', 'package/a\nb.js'])('with the path %j', async (name) => {
    await expect(unpacked({ name, content: 'x' })).rejects.toThrow('which no package may have');
  });

  test('with a file that is there twice, also by another writing of its path', async () => {
    await expect(unpacked({ name: 'package/a.js' }, { name: 'package/./a.js' })).rejects.toThrow('holds "a.js" twice');
  });

  test('with more bytes than it may have, however few they were compressed', async () => {
    const limits = { bytes: 1024 * 1024, entries: 10 };
    const bomb = await archiveOf([{ name: 'package/a.txt', content: Buffer.alloc(4 * 1024 * 1024) }]);
    expect(bomb.length).toBeLessThan(10_000);
    await expect(unpack(bomb, limits)).rejects.toThrow('has more than 1 MiB');
  });

  test('with more entries than it may have', async () => {
    const many = await archiveOf(Array.from({ length: 11 }, (_, number) => ({ name: `package/${number}.js` })));
    await expect(unpack(many, { bytes: 1024 * 1024, entries: 10 })).rejects.toThrow('has more than 10 files');
  });

  test('when it is cut off anywhere, or is none', async () => {
    const whole = await archiveOf([{ name: 'package/a.js', content: 'a'.repeat(2_000) }]);
    for (const data of [Buffer.alloc(0), Buffer.from('{}'), whole.subarray(0, whole.length - 9), gzipSync('no archive'.repeat(200))])
      await expect(unpack(data)).rejects.toThrow('is damaged, or no archive');
  });

  test('when it promises a file that is longer than itself', async () => {
    const tar = Buffer.alloc(1024);
    tar.write('package/a.js', 0);
    tar.write('00000000644\0', 100);
    tar.write('77777777777\0', 124);
    tar.write('0', 156);
    tar.write('ustar\u000000', 257);
    tar.fill(' ', 148, 156);
    tar.write(
      tar
        .subarray(0, 512)
        .reduce((sum, byte) => sum + byte, 0)
        .toString(8)
        .padStart(6, '0') + '\0 ',
      148,
    );
    await expect(unpack(gzipSync(tar))).rejects.toThrow('is damaged, or no archive');
  });
});

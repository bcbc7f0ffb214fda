import { execFile } from 'node:child_process';
import path from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from '@jest/globals';
import { cleanParts } from '../../../agent/src/adapters/kernel/memory.ts';

const NODE = '/usr/bin/node';

/** A part of memory in the words of proc(5). */
function part(range: string, { mode = 'r-xp', inode = 7, file = NODE, anonymous = 0 } = {}): string {
  return [
    `${range} ${mode} 00001000 08:01 ${inode}          ${file}`.trimEnd(),
    'Size:               1024 kB',
    'Rss:                 512 kB',
    `Anonymous:      ${String(anonymous).padStart(8)} kB`,
    'LazyFree:              0 kB',
    'VmFlags: rd ex mr mw me sd',
    '',
  ].join('\n');
}

const partsOf = (...parts: readonly string[]) => [...cleanParts(parts.join(''), NODE)];

test('the code and the constants of the executable can be given back', () => {
  const parts = partsOf(part('00400000-00402000'), part('7f0000000000-7f0000001000', { mode: 'r--p' }));
  expect(parts).toEqual([
    { start: 0x400000n, length: 0x2000n },
    { start: 0x7f0000000000n, length: 0x1000n },
  ]);
});

test.each([
  ['can be written', { mode: 'rw-p' }],
  ['is written and executed by the compiler', { mode: 'rwxp' }],
  ['was written by the loader before it was sealed', { mode: 'r--p', anonymous: 4 }],
  ['has a breakpoint in it', { anonymous: 4 }],
  ['is of a library', { file: '/usr/lib/libc.so.6' }],
  ['is of a file whose name begins alike', { file: `${NODE}-old` }],
  ['is of no file', { mode: 'r--p', inode: 0, file: '' }],
  ['is shared with other processes', { mode: 'r--s' }],
])('a part that %s stays', (_, how) => {
  expect(partsOf(part('00400000-00402000', how), part('00800000-00801000'))).toEqual([{ start: 0x800000n, length: 0x1000n }]);
});

test('a process that gives memory back has less, of its own file and of its heaps, and works on in all its threads', async () => {
  const program = path.join(import.meta.dirname, 'resting-process.ts');
  const env = { ...process.env, NODE_OPTIONS: '' };
  const { stdout } = await promisify(execFile)(process.execPath, ['--conditions=source', program], { env });
  const { before, after, works } = JSON.parse(stdout) as Record<'before' | 'after', { file: number; all: number }> & { works: boolean };
  expect(works).toBe(true);
  const ofFile = before.file - after.file;
  // It had some 50 MB of its file, and 20 MB of objects that are garbage.
  expect(ofFile).toBeGreaterThan(15_000);
  expect(before.all - after.all - ofFile).toBeGreaterThan(10_000);
});

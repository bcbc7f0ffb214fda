import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from '@jest/globals';
import { cpioArchive } from '../../../support/vm/cpio.ts';
import type { CpioEntry } from '../../../support/vm/cpio.ts';

const ENTRIES: CpioEntry[] = [
  { name: 'lib', kind: 'directory' },
  { name: 'lib/odd', kind: 'file', mode: 0o640, content: Buffer.from('five!') },
  { name: 'lib/empty', kind: 'file', mode: 0o755, content: new Uint8Array() },
];

test('an archive unpacks to the files that went in, with their modes', () => {
  const directory = mkdtempSync(join(tmpdir(), 'parapet-cpio-'));
  try {
    const { status, stderr } = spawnSync('/bin/busybox', ['cpio', '-i'], { cwd: directory, input: cpioArchive(ENTRIES) });
    expect({ status, stderr: stderr.toString().replace(/^\d+ blocks\n/, '') }).toEqual({ status: 0, stderr: '' });
    expect(readFileSync(join(directory, 'lib/odd'), 'utf8')).toBe('five!');
    expect(statSync(join(directory, 'lib/odd')).mode & 0o777).toBe(0o640);
    expect(statSync(join(directory, 'lib/empty'))).toMatchObject({ size: 0 });
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});

test('the same entries give the same bytes, padded to four', () => {
  expect(cpioArchive(ENTRIES).equals(cpioArchive(ENTRIES))).toBe(true);
  expect(cpioArchive(ENTRIES).length % 4).toBe(0);
});

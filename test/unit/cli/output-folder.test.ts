import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { writeFolder } from '../../../cli/src/output-folder.ts';

let root: string;
let out: string;
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'parapet-out-'));
  out = join(root, 'out');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));
const files = (...names: string[]): Map<string, string> => new Map(names.map((name) => [name, `${name}\n`]));

test('files are written, in folders too', async () => {
  await writeFolder(out, files('a.yaml', 'chart/b.yaml'));
  expect(readFileSync(join(out, 'a.yaml'), 'utf8')).toBe('a.yaml\n');
  expect(readFileSync(join(out, 'chart/b.yaml'), 'utf8')).toBe('chart/b.yaml\n');
});

test('what an earlier run wrote and this one does not is removed; other files stay', async () => {
  await writeFolder(out, files('a.yaml', 'chart/b.yaml'));
  writeFileSync(join(out, 'mine.yaml'), '');
  await writeFolder(out, files('a.yaml'));
  expect(existsSync(join(out, 'chart/b.yaml'))).toBe(false);
  expect(existsSync(join(out, 'mine.yaml'))).toBe(true);
});

test.each(['../x.yaml', '/etc/x.yaml', 'a/../../x.yaml', '.'])('the name %s is refused', async (name) => {
  await expect(writeFolder(out, files(name))).rejects.toThrow(/not a place in the output folder/);
  expect(existsSync(join(root, 'x.yaml'))).toBe(false);
});

test('a link in the way is replaced, not followed', async () => {
  mkdirSync(out);
  writeFileSync(join(root, 'precious'), 'precious');
  symlinkSync(join(root, 'precious'), join(out, 'a.yaml'));
  await writeFolder(out, files('a.yaml'));
  expect(readFileSync(join(root, 'precious'), 'utf8')).toBe('precious');
  expect(readFileSync(join(out, 'a.yaml'), 'utf8')).toBe('a.yaml\n');
});

test('a linked folder that leads out is refused', async () => {
  mkdirSync(out);
  mkdirSync(join(root, 'elsewhere'));
  symlinkSync(join(root, 'elsewhere'), join(out, 'chart'));
  await expect(writeFolder(out, files('chart/b.yaml'))).rejects.toThrow(/leads out/);
  expect(existsSync(join(root, 'elsewhere/b.yaml'))).toBe(false);
});

test('a list that somebody else wrote removes nothing outside', async () => {
  mkdirSync(out);
  writeFileSync(join(root, 'precious'), '');
  writeFileSync(join(out, '.parapet-synth.json'), '["../precious"]');
  await writeFolder(out, files('a.yaml'));
  expect(existsSync(join(root, 'precious'))).toBe(true);
});

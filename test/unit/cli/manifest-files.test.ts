import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';
import { parseManifests, readManifests } from '../../../cli/src/manifest-files.ts';

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), 'parapet-check-'));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const TEXT = `kind: A
spec:
  list:
    - path: x

    - path: y
---
# a comment
kind: B
`;

test('every document has the lines of its fields', () => {
  const { manifests, problems } = parseManifests('a.yaml', TEXT);
  expect(problems).toEqual([]);
  expect(manifests.map(({ value }) => value)).toEqual([{ kind: 'A', spec: { list: [{ path: 'x' }, { path: 'y' }] } }, { kind: 'B' }]);
  expect(manifests[0]?.lineOf?.(['kind'])).toBe(1);
  expect(manifests[0]?.lineOf?.(['spec', 'list', 1, 'path'])).toBe(6);
  expect(manifests[0]?.lineOf?.(['spec', 'list', 0])).toBe(4);
  expect(manifests[0]?.lineOf?.(['spec', 'missing'])).toBeUndefined();
  expect(manifests[1]?.lineOf?.(['kind'])).toBe(9);
  expect(manifests[1]?.lineOf?.([])).toBe(9);
});

test('a syntax error has its line and column, and the file gives no manifest', () => {
  const { manifests, problems } = parseManifests('a.yaml', 'kind: A\n---\nkind: [B\n');
  expect(manifests).toEqual([]);
  expect(problems).toMatchObject([{ code: 'yaml-syntax', place: { file: 'a.yaml', line: 4, column: 1 } }]);
});

test('a document that grows without end when its aliases are followed is refused', () => {
  const bomb = [
    'a0: &a0 [x, x, x, x, x, x, x, x, x, x]',
    ...Array.from({ length: 8 }, (_, at) => `a${at + 1}: &a${at + 1} [${`*a${at}, `.repeat(10)}]`),
  ];
  const { manifests, problems } = parseManifests('bomb.yaml', bomb.join('\n'));
  expect(manifests).toEqual([]);
  expect(problems).toMatchObject([{ code: 'yaml-syntax', place: { file: 'bomb.yaml', line: 1 } }]);
});

test('directories are read at any depth, in order, without hidden names, other files and linked directories', async () => {
  mkdirSync(join(directory, 'b/deep'), { recursive: true });
  mkdirSync(join(directory, '.hidden'));
  mkdirSync(join(directory, 'node_modules'));
  for (const file of ['b/deep/2.yml', 'a.yaml', 'c.json', '.hidden/x.yaml', 'node_modules/x.yaml'])
    writeFileSync(join(directory, file), `{ "name": "${file}" }`);
  writeFileSync(join(directory, 'notes.txt'), 'not: [yaml');
  symlinkSync(directory, join(directory, 'loop'));
  const { manifests, problems } = await readManifests([directory]);
  expect(problems).toEqual([]);
  expect(manifests.map(({ file }) => file)).toEqual(['a.yaml', 'b/deep/2.yml', 'c.json'].map((file) => join(directory, file)));
});

test('what is not there is a problem, and the rest is read', async () => {
  writeFileSync(join(directory, 'a.yaml'), 'kind: A');
  const missing = join(directory, 'missing.yaml');
  const { manifests, problems } = await readManifests([missing, join(directory, 'a.yaml')]);
  expect(manifests).toHaveLength(1);
  expect(problems).toMatchObject([{ code: 'file-unreadable', place: { file: missing }, message: 'there is no such file or directory' }]);
});

/** Holds the tree to docs/architecture.md: who may import whom, no cycles, no dumping grounds, short files. */
import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';
import ts from 'typescript';

const root = resolve(import.meta.dirname, '../..');
const MAX_LINES = 300;
const BANNED_NAMES = /^(utils?|helpers?|common|shared|types|misc|base)\.(m?[jt]s|c|h)$/;

/** Packages of this house that a room may import, and packages of others that it may import anywhere but in adapters. */
const ROOMS: Record<string, { house: string[]; others: RegExp }> = {
  policy: { house: [], others: /^$/ },
  sdk: { house: ['policy'], others: /^(cdk8s|constructs)$/ },
  reconciler: { house: ['policy'], others: /^(node:(path|url|crypto|timers\/promises)|yaml|semver|ignore)$/ },
  agent: { house: ['policy'], others: /^(node:(path|url|crypto|timers\/promises|os)|yaml)$/ },
};

const files = execFileSync('git', ['ls-files', '--cached', '--others', '--exclude-standard'], { cwd: root, encoding: 'utf8' })
  .split('\n')
  .filter((file) => file !== '' && existsSync(join(root, file)));
const sources = files.filter((file) => /^(policy|sdk|reconciler|agent|cli)\/src\/.*\.ts$/.test(file));

/** Everything `file` imports, type imports included. */
function importsOf(file: string): string[] {
  return ts.preProcessFile(readFileSync(join(root, file), 'utf8'), true, true).importedFiles.map((found) => found.fileName);
}

/** The file of this house that an import leads to, if it leads to one. */
function localTarget(file: string, specifier: string): string | undefined {
  if (specifier.startsWith('.')) return join(dirname(file), specifier);
  const room = /^@parapet\/(\w+)$/.exec(specifier)?.[1];
  return room === undefined ? undefined : `${room}/src/index.ts`;
}

const mayDoIo = (file: string): boolean => /\/(adapters\/|main\.ts$|config\.ts$|index\.ts$)/.test(file);

test('a room imports only the rooms it may import', () => {
  const wrong = sources.flatMap((file) => {
    const room = file.split('/')[0] ?? '';
    if (room === 'cli') return [];
    return importsOf(file)
      .map((specifier) => /^@parapet\/(\w+)/.exec(specifier)?.[1])
      .filter((target) => target !== undefined && target !== room && !ROOMS[room]?.house.includes(target))
      .map((target) => `${file} imports ${target}`);
  });
  expect(wrong).toEqual([]);
});

test('a relative import stays in its room', () => {
  const wrong = sources.flatMap((file) =>
    importsOf(file)
      .filter((specifier) => specifier.startsWith('.') && !join(dirname(file), specifier).startsWith(`${file.split('/')[0]}/src/`))
      .map((specifier) => `${file} imports ${specifier}`),
  );
  expect(wrong).toEqual([]);
});

test('libraries that do I/O are imported in adapters only', () => {
  const wrong = sources.flatMap((file) => {
    const rules = ROOMS[file.split('/')[0] ?? ''];
    if (rules === undefined || mayDoIo(file)) return [];
    return importsOf(file)
      .filter((specifier) => !specifier.startsWith('.') && !specifier.startsWith('@parapet/') && !rules.others.test(specifier))
      .map((specifier) => `${file} imports ${specifier}`);
  });
  expect(wrong).toEqual([]);
});

test('adapters are built in main.ts only', () => {
  const wrong = sources
    .filter((file) => !/\/adapters\//.test(file) && !/\/(main|index)\.ts$/.test(file))
    .flatMap((file) =>
      importsOf(file)
        .filter((specifier) => specifier.includes('/adapters/'))
        .map((specifier) => `${file} imports ${specifier}`),
    );
  expect(wrong).toEqual([]);
});

test('no file imports itself through others', () => {
  const graph = new Map(
    sources.map((file) => [
      file,
      importsOf(file)
        .map((specifier) => localTarget(file, specifier))
        .filter((target) => target !== undefined),
    ]),
  );
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (file: string, path: readonly string[]): void => {
    if (path.includes(file)) cycles.push([...path.slice(path.indexOf(file)), file].join(' -> '));
    if (done.has(file) || path.includes(file)) return;
    for (const next of graph.get(file) ?? []) visit(next, [...path, file]);
    done.add(file);
  };
  for (const file of graph.keys()) visit(file, []);
  expect(cycles).toEqual([]);
});

test('every relative import names a file that exists', () => {
  const wrong = sources.flatMap((file) =>
    importsOf(file).filter((specifier) => specifier.startsWith('.') && !existsSync(join(root, dirname(file), specifier))),
  );
  expect(wrong).toEqual([]);
});

test('no file has a name that collects everything', () => {
  expect(files.filter((file) => BANNED_NAMES.test(file.split('/').at(-1) ?? ''))).toEqual([]);
});

test(`no source file is longer than ${MAX_LINES} lines`, () => {
  const code = files.filter((file) => /\.(ts|mjs|js|c|h|sh)$/.test(file) && !file.startsWith('test/golden/'));
  const long = code
    .map((file) => ({ file, lines: readFileSync(join(root, file), 'utf8').split('\n').length }))
    .filter(({ lines }) => lines > MAX_LINES);
  expect(long).toEqual([]);
});

test('process.env is read in config.ts and at the terminal door only', () => {
  const wrong = sources.filter(
    (file) =>
      !/\/config\.ts$/.test(file) &&
      !file.startsWith('cli/') &&
      /process\.env\b/.test(readFileSync(join(root, file), 'utf8').replace(/\/\*[\s\S]*?\*\/|\/\/.*/g, '')),
  );
  expect(wrong).toEqual([]);
});

test('package.json has at most ten scripts', () => {
  const { scripts } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { scripts: Record<string, string> };
  expect(Object.keys(scripts).length).toBeLessThanOrEqual(10);
});

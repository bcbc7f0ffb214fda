/** What is written for people: links lead somewhere, commands exist, and the first policy works as it stands there. */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, resolve } from 'node:path';
import { expect, test } from '@jest/globals';

const ROOT = resolve(import.meta.dirname, '../..');
const documents = execFileSync('git', ['ls-files', '-co', '--exclude-standard', '*.md'], { cwd: ROOT, encoding: 'utf8' })
  .trim()
  .split('\n')
  .map((file) => [file, readFileSync(join(ROOT, file), 'utf8')] as const);
const readme = readFileSync(join(ROOT, 'README.md'), 'utf8');
const { scripts } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8')) as { scripts: Record<string, string> };

test.each(documents)('the links of %s lead to files that are there', (file, text) => {
  const links = [...text.matchAll(/\]\((?!https?:|#)([^)#\s]+)/g)].map(([, link]) => link ?? '');
  expect(links.filter((link) => !existsSync(join(ROOT, dirname(file), link)))).toEqual([]);
});

test.each(documents)('the npm scripts that %s names exist', (_file, text) => {
  const named = [...text.matchAll(/npm run ([a-z][\w:-]*)/g)].map(([, name]) => name ?? '');
  expect(named.filter((name) => scripts[name] === undefined)).toEqual([]);
});

test('the files of the reading order are there', () => {
  const part = readme.slice(readme.indexOf('## Reading the code'), readme.indexOf('## Licence'));
  const files = [...part.matchAll(/`((?:policy|sdk|reconciler|agent|cli|bpf|test)\/[\w./-]+)`/g)].map(([, file]) => file ?? '');
  expect(files.length).toBeGreaterThan(5);
  expect(files.filter((file) => !file.startsWith('test/unit') && !existsSync(join(ROOT, file)))).toEqual([]);
});

test("the README's first policy becomes a manifest, from its one file", () => {
  const folder = mkdtempSync(join(tmpdir(), 'parapet-readme-'));
  try {
    const [, program = ''] = /```ts\n(\/\/ main\.ts\n[\s\S]*?)```/.exec(readme) ?? [];
    writeFileSync(join(folder, 'main.ts'), program);
    const words = ['--no-warnings', '--conditions=source', join(ROOT, 'cli/bin/parapet.js'), 'synth', folder];
    const printed = execFileSync(process.execPath, words, { encoding: 'utf8', env: { PATH: process.env['PATH'] } });
    expect(printed).toContain('name: web-hardening\n  namespace: shop\n');
    expect(printed).toContain('parapet.dev/source: main.ts:8');
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
});

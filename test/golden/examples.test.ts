/**
 * Every example, run as a program with Node, gives exactly the manifests in its golden folder, and those have no problems.
 * `UPDATE_GOLDEN=1` writes them anew.
 */
import { execFileSync } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals';
import { parsePolicy } from '@parapet/policy';
import { parseAllDocuments } from 'yaml';

const root = resolve(import.meta.dirname, '../..');
const examples = readdirSync(join(root, 'examples'), { withFileTypes: true })
  .filter((entry) => entry.isDirectory())
  .map(({ name }) => name);

let out: string;
beforeAll(() => {
  out = mkdtempSync(join(tmpdir(), 'parapet-golden-'));
});
afterAll(() => rmSync(out, { recursive: true, force: true }));

/** The program's manifests by file name. */
function synthesize(example: string): Record<string, string> {
  const outdir = join(out, example);
  execFileSync(process.execPath, ['--conditions=source', 'main.ts'], {
    cwd: join(root, 'examples', example),
    env: { PATH: process.env.PATH, CDK8S_OUTDIR: outdir },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  return readFolder(outdir);
}

function readFolder(folder: string): Record<string, string> {
  if (!existsSync(folder)) return {};
  return Object.fromEntries(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]));
}

describe.each(examples)('%s', (example) => {
  const golden = join(import.meta.dirname, example);
  const manifests = (): Record<string, string> => readFolder(golden);

  test('gives its golden manifests', () => {
    const found = synthesize(example);
    if (process.env.UPDATE_GOLDEN === '1') {
      rmSync(golden, { recursive: true, force: true });
      mkdirSync(golden);
      for (const [name, text] of Object.entries(found)) writeFileSync(join(golden, name.replace(/\.k8s\.yaml$/, '.yaml')), text);
    }
    const named = Object.fromEntries(Object.entries(found).map(([name, text]) => [name.replace(/\.k8s\.yaml$/, '.yaml'), text]));
    expect(named).toEqual(manifests());
    expect(Object.keys(named).length).toBeGreaterThan(0);
  });

  test('gives the same from the sandbox, place by place', () => {
    const printed = execFileSync(process.execPath, ['--conditions=source', 'cli/bin/parapet.js', 'synth', join('examples', example)], {
      cwd: root,
      encoding: 'utf8',
      env: { PATH: process.env.PATH },
    });
    expect(printed).toBe(Object.values(manifests()).join('---\n'));
  });

  test('has policies without problems, each with the place where it was written', () => {
    const documents = Object.values(manifests()).flatMap((text) => parseAllDocuments(text).map((document) => document.toJS() as unknown));
    expect(documents.length).toBeGreaterThan(0);
    for (const document of documents) {
      const { policy, problems } = parsePolicy(document, {});
      expect(problems).toEqual([]);
      expect(policy?.provenance.source).toMatch(/^[\w-]+\.ts:\d+$/);
      for (const rule of policy?.rules ?? []) expect(policy?.provenance.rules[rule.field]).toMatch(/^[\w-]+\.ts:\d+$/);
    }
  });
});

test("the quickstart's own tests pass", () => {
  const run = (): string =>
    execFileSync(process.execPath, ['--conditions=source', '--test', 'shop.test.ts'], {
      cwd: join(root, 'examples/quickstart'),
      encoding: 'utf8',
      env: { PATH: process.env.PATH },
    });
  expect(run()).toMatch(/pass 4/);
});

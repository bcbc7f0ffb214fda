/** The launcher as its own program, with the Node that runs the tests and with pretended older ones. */
import { execFileSync, spawnSync } from 'node:child_process';
import { cpSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { afterEach, beforeEach, expect, test } from '@jest/globals';

const cli = resolve(import.meta.dirname, '../../../cli');
let root: string;

beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'parapet-launcher-'));
  mkdirSync(join(root, 'cli'));
  cpSync(join(cli, 'bin'), join(root, 'cli/bin'), { recursive: true });
  writeFileSync(join(root, 'cli/package.json'), '{ "type": "module" }');
});
afterEach(() => rmSync(root, { recursive: true, force: true }));

const write = (file: string, text: string): void => {
  mkdirSync(join(root, file, '..'), { recursive: true });
  writeFileSync(join(root, file), text, { mode: 0o755 });
};
const MAIN = 'export const main = (args) => { console.log(process.env.PARAPET_RELAUNCHED ?? "first", ...args); return 7; };';
/** Makes Node say that it is an old one, as the launcher sees it, unless it was started by the launcher. */
const PRETEND = 'if (!process.env.NEW) Object.defineProperty(process, "versions", { value: { ...process.versions, node: "20.20.2" } });';

function launch(...args: string[]): { status: number | null; stdout: string; stderr: string } {
  return spawnSync(process.execPath, args, { encoding: 'utf8', env: { PATH: process.env.PATH } });
}

test('a new enough Node runs the built program with its arguments and exit code', () => {
  write('cli/dist/main.js', MAIN);
  const { status, stdout } = launch(join(root, 'cli/bin/parapet.js'), 'a', '--b');
  expect({ status, stdout }).toEqual({ status: 7, stdout: 'first a --b\n' });
});

test('an old Node hands over to the npm package node in a folder above', () => {
  write('cli/dist/main.js', MAIN);
  write('pretend.mjs', PRETEND);
  write('node_modules/node/bin/node', `#!/bin/sh\nNEW=1 exec ${process.execPath} "$@"\n`);
  const { status, stdout } = launch('--import', join(root, 'pretend.mjs'), join(root, 'cli/bin/parapet.js'), 'a', '--b');
  expect({ status, stdout }).toEqual({ status: 7, stdout: '1 a --b\n' });
});

test('an old Node with no newer one beside it says what is needed', () => {
  write('pretend.mjs', PRETEND);
  const { status, stderr } = launch('--import', join(root, 'pretend.mjs'), join(root, 'cli/bin/parapet.js'));
  expect(status).toBe(2);
  expect(stderr).toMatch(/^parapet: Node 22\.19 or newer is needed, this is 20\.20\.2/);
});

test('a node package that is as old does not start itself for ever', () => {
  write('pretend.mjs', PRETEND);
  write('node_modules/node/bin/node', `#!/bin/sh\nexec ${process.execPath} "$@"\n`);
  const { status, stderr } = launch('--import', join(root, 'pretend.mjs'), join(root, 'cli/bin/parapet.js'));
  expect(status).toBe(2);
  expect(stderr).toContain('Node 22.19 or newer is needed');
});

test('sources without a build say how to build', () => {
  write('cli/src/main.ts', 'export {}');
  const { status, stderr } = launch(join(root, 'cli/bin/parapet.js'));
  expect({ status, stderr }).toEqual({ status: 2, stderr: 'parapet: not built yet: run `npm run build`\n' });
});

test('with the source condition the sources run as they are', () => {
  const version = execFileSync(process.execPath, ['--conditions=source', join(cli, 'bin/parapet.js'), '--version'], { encoding: 'utf8' });
  expect(version).toMatch(/^\d+\.\d+\.\d+\n$/);
});

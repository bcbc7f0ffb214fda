#!/usr/bin/env node
/**
 * Starts `parapet` with a Node that is new enough: this one, or the one of the npm package `node` beside it.
 * Plain JavaScript that old versions of Node understand.
 */
import { spawn } from 'node:child_process';
import { existsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const OLDEST = [22, 19];
const USAGE = 2;
const here = dirname(fileURLToPath(import.meta.url));

function isNewEnough(version) {
  const [major, minor] = version.split('.').map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

/** The binary of the npm package `node` in this folder's node_modules or a parent's. */
function bundledNode(from) {
  const candidate = join(from, 'node_modules', 'node', 'bin', 'node');
  if (existsSync(candidate)) return candidate;
  const parent = dirname(from);
  return parent === from ? undefined : bundledNode(parent);
}

/** Runs this file again with `node`; signals and the exit status pass through. */
function runAgain(node) {
  const child = spawn(node, [...process.execArgv, fileURLToPath(import.meta.url), ...process.argv.slice(2)], {
    stdio: 'inherit',
    env: { ...process.env, PARAPET_RELAUNCHED: '1' },
  });
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.on(signal, () => child.kill(signal));
  child.on('error', (error) => refuse(`cannot start ${node}: ${error.message}`));
  child.on('exit', (code, signal) => {
    if (signal === null) process.exit(code ?? 0);
    for (const name of ['SIGINT', 'SIGTERM', 'SIGHUP']) process.removeAllListeners(name);
    process.kill(process.pid, signal);
  });
}

function refuse(message) {
  process.stderr.write(`parapet: ${message}\n`);
  process.exit(USAGE);
}

async function run() {
  // With `node --conditions=source` the sources run as they are, without a build.
  const fromSources = process.execArgv.some(
    (argument, at, all) => argument === '--conditions=source' || (argument === 'source' && all[at - 1] === '-C'),
  );
  const main = join(here, fromSources ? '../src/main.ts' : '../dist/main.js');
  if (!existsSync(main)) {
    const sources = existsSync(join(here, '../src/main.ts'));
    refuse(sources ? 'not built yet: run `npm run build`' : `the installation is incomplete: ${main} is missing`);
  }
  const { main: start } = await import(main);
  process.exitCode = await start(process.argv.slice(2));
}

if (isNewEnough(process.versions.node)) {
  await run();
} else {
  const node = process.env.PARAPET_RELAUNCHED === undefined ? bundledNode(here) : undefined;
  if (node === undefined)
    refuse(`Node ${OLDEST.join('.')} or newer is needed, this is ${process.versions.node}: install it, or the npm package "node"`);
  else runAgain(node);
}

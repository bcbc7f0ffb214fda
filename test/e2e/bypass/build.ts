/** What the machines need, made on the host, once for all of them: the actor, static, so that it runs in any root, and the containers' image. */
import { execFileSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, renameSync } from 'node:fs';
import path from 'node:path';
import { buildImage } from '../../support/image/index.ts';
import { IMAGE } from './attempts/containers.ts';

/** In the tree, where a microVM sees it too. */
const OUT = path.resolve(import.meta.dirname, '../../../node_modules/.cache/parapet');
const FLAGS = [
  '-D_GNU_SOURCE',
  '-O2',
  '-static',
  '-Wall',
  '-Wextra',
  '-Werror',
  '-Wno-missing-field-initializers',
  '-Wno-format-truncation',
];

/**
 * Makes a file of a name by `make`, in one step: another test, whose machine may be reading it, can make it at the same time.
 * Its path.
 */
function put(name: string, make: (file: string) => void): string {
  mkdirSync(OUT, { recursive: true });
  const file = path.join(OUT, name);
  make(`${file}.${process.pid}`);
  renameSync(`${file}.${process.pid}`, file);
  return file;
}

/** The path of an archive of the containers' image. */
export function buildContainerImage(): string {
  return put('bypass-image.tar', (out) => buildImage({ ...IMAGE, out }));
}

/** The path of the compiled actor: by its sources, since a machine that runs it must not find it replaced. */
export function buildActor(): string {
  const sources = readdirSync(import.meta.dirname)
    .filter((file) => /\.[ch]$/.test(file))
    .map((file) => path.join(import.meta.dirname, file));
  const digest = createHash('sha256').update(FLAGS.join(' '));
  for (const source of sources) digest.update(readFileSync(source));
  const name = `bypass-actor-${digest.digest('hex').slice(0, 16)}`;
  if (existsSync(path.join(OUT, name))) return path.join(OUT, name);
  return put(name, (actor) => void execFileSync('cc', [...FLAGS, '-o', actor, ...sources.filter((source) => source.endsWith('.c'))]));
}

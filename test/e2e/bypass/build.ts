/** What the machines need, made on the host, once for all of them: the actor, static, so that it runs in any root, and the containers' image. */
import { execFileSync } from 'node:child_process';
import { mkdirSync, readdirSync } from 'node:fs';
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

/** The path of an archive of the containers' image. */
export function buildContainerImage(): string {
  mkdirSync(OUT, { recursive: true });
  const out = path.join(OUT, 'bypass-image.tar');
  buildImage({ ...IMAGE, out });
  return out;
}

/** The path of the compiled actor. */
export function buildActor(): string {
  mkdirSync(OUT, { recursive: true });
  const actor = path.join(OUT, 'bypass-actor');
  const sources = readdirSync(import.meta.dirname).filter((file) => file.endsWith('.c'));
  execFileSync('cc', [...FLAGS, '-o', actor, ...sources.map((file) => path.join(import.meta.dirname, file))]);
  return actor;
}

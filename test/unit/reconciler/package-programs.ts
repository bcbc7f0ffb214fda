/** Programs that import what their lock file names. */
import { createSynthesizer } from '../../../reconciler/src/adapters/synth/index.ts';
import type { SynthResult } from '../../../reconciler/src/ports.ts';
import { emptyStore, lockedAs, lockOf, packageOf, put } from './package-stores.ts';
import { library, reporting, repository } from './synth-fixture.ts';
import type { Content } from './synth-fixture.ts';

type Files = Readonly<Record<string, Content>>;

/** Runs a program of these files, with the store at `packages`. */
export const synthesize = (files: Files, packages?: string, forMany = false): Promise<SynthResult> =>
  createSynthesizer({ library, packages, forMany }).synth({ directory: repository(files) });

/** What a `reporting` program left in `out`, and its warnings. */
export async function reported(files: Files, packages?: string): Promise<{ readonly out: unknown; readonly warnings: readonly string[] }> {
  const { manifests, problems } = await synthesize(files, packages);
  if (manifests.length === 0) throw new Error(JSON.stringify(problems));
  return { out: (manifests[0]?.value as { data: unknown }).data, warnings: problems.map(({ message }) => message) };
}

/** A package of two files. */
export const palette = await packageOf('palette', '1.2.3', {
  'index.js': `exports.red = require('./lib/red');`,
  'lib/red.js': `module.exports = 'f00';`,
});
export const lock = lockOf({ palette: lockedAs('1.2.3', palette) });
/** A program that reports what a package exports. */
export const asking = (name: string): string =>
  reporting('out.seen = seen;', `import * as all from ${JSON.stringify(name)};\nconst seen = JSON.stringify(all);`);
/** Reports a colour of it. */
export const program = reporting('out.red = red;', `import { red } from 'palette';`);

/** A package store with these archives. */
export function storeOf(...archives: readonly Buffer[]): string {
  const store = emptyStore();
  for (const archive of archives) put(store, archive);
  return store;
}

/** A set of policies from manifests, or from the program that makes them, with what namespaces say of postures. */
import { existsSync, statSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { isNamespaceManifest, parseNamespace } from '@parapet/policy';
import type { Manifest, PolicySet, Problem } from '@parapet/policy';
import { readManifests } from './manifest-files.ts';
import type { ReadManifests } from './manifest-files.ts';
import { inTheProgram } from './synth-command.ts';
import { validate } from './validate.ts';

/** What a folder has that is a program's, and no manifest's. */
const PROGRAM_FILES = ['cdk8s.yaml', 'main.ts', 'index.ts'];

/** Reads a folder or file; a folder with a program is synthesized in the sandbox, with the package store at `packages` where there is one. */
export async function readPolicySet(
  place: string,
  packages?: string,
): Promise<{ readonly set: PolicySet; readonly problems: readonly Problem[] }> {
  const read = isProgram(place) ? await synthesize(resolve(place), packages) : await readManifests([place]);
  const parsed = read.manifests.filter(({ value }) => isNamespaceManifest(value)).map((one) => parseNamespace(one.value, one));
  const { policies, problems } = validate(read.manifests.filter(({ value }) => !isNamespaceManifest(value)));
  const namespaces = new Map(parsed.flatMap(({ namespace }) => (namespace === undefined ? [] : [[namespace.name, namespace.postures]])));
  return { set: { policies, namespaces }, problems: [...read.problems, ...parsed.flatMap((one) => one.problems), ...problems] };
}

function isProgram(place: string): boolean {
  return (
    (statSync(place, { throwIfNoEntry: false })?.isDirectory() ?? false) && PROGRAM_FILES.some((file) => existsSync(join(place, file)))
  );
}

async function synthesize(directory: string, packages: string | undefined): Promise<ReadManifests> {
  const [{ createSynthesizer }, { libraryFolders }] = await Promise.all([import('@parapet/reconciler'), import('./library.ts')]);
  const { manifests, problems } = await createSynthesizer({ library: { modules: libraryFolders() }, packages }).synth({ directory });
  return { manifests: manifests.map((manifest): Manifest => inTheProgram(manifest)), problems };
}

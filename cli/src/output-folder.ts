/**
 * Writes what a policy program made. The names come from the program and the folder may lie in its repository, so neither may lead the
 * writing elsewhere: no name leaves the folder, no link in it is followed.
 */
import { mkdir, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { dirname, isAbsolute, join, normalize, sep } from 'node:path';

/** What was written last time, so that a policy that is gone from the program goes from the folder too. Agents skip hidden files. */
const LIST = '.parapet-synth.json';

/** The program's output would be written elsewhere. */
export class OutsideError extends Error {
  override readonly name = 'OutsideError';
}

/** Writes `files` (name to text), and removes those that an earlier call wrote and this one does not. Throws an OutsideError, and the file system's errors. */
export async function writeFolder(out: string, files: ReadonlyMap<string, string>): Promise<void> {
  await mkdir(out, { recursive: true });
  const root = await realpath(out);
  const before = await readList(root);
  const written = [...files.keys()].map(insideName);
  for (const name of before.filter((old) => !written.includes(old))) await rm(await placeOf(root, name), { force: true });
  for (const [name, text] of files) await replace(await placeOf(root, insideName(name)), text);
  await replace(join(root, LIST), `${JSON.stringify(written)}\n`);
}

/** The name, normalised. Throws for one that would leave the folder. */
function insideName(name: string): string {
  const plain = normalize(name);
  if (isAbsolute(plain) || plain.split(sep).some((part) => part === '..' || part === '.') || plain.includes('\0')) {
    throw new OutsideError(`the program names its output ${JSON.stringify(name)}, which is not a place in the output folder`);
  }
  return plain;
}

async function placeOf(root: string, name: string): Promise<string> {
  const place = join(root, name);
  await mkdir(dirname(place), { recursive: true });
  const real = await realpath(dirname(place));
  if (real !== root && !real.startsWith(root + sep))
    throw new OutsideError(`${dirname(place)} is a link that leads out of the output folder`);
  return place;
}

/** Removing first and creating exclusively means that a link in the way is replaced, not followed. */
async function replace(place: string, text: string): Promise<void> {
  await rm(place, { force: true });
  await writeFile(place, text, { flag: 'wx' });
}

async function readList(root: string): Promise<string[]> {
  try {
    const names = JSON.parse(await readFile(join(root, LIST), 'utf8')) as unknown;
    return Array.isArray(names) ? names.filter((name) => typeof name === 'string').map(insideName) : [];
  } catch {
    // No list, or none of ours: then nothing is known to be stale.
    return [];
  }
}

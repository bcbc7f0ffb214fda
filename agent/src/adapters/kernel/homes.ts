/**
 * Where programs are pinned: a directory for each ABI, their home, and in it directories of links and of shares for each digest. A program whose
 * shares are gone denies everything, so shares go last.
 */
import { readdir, rm } from 'node:fs/promises';
import path from 'node:path';
import { waitForPrograms } from './barrier.ts';
import type { KernelLibrary } from './library.ts';

/** The kernel frees a removed name after one such wait, and may be a little late. */
const DETACH_ROUNDS = 3;

/** The homes of every ABI. */
export async function homesIn(root: string): Promise<string[]> {
  return (await namesIn(root)).map((name) => path.join(root, name));
}

/** Whether programs of that home are attached. */
export async function hasPrograms(home: string): Promise<boolean> {
  return (await namesIn(home)).some((name) => name.startsWith('links-'));
}

/**
 * Takes out the programs of some digests: links first, and shares only when no program that calls them still runs. `pins` holds maps by which to
 * wait for that, of whatever home.
 */
export async function removeFrom(
  library: KernelLibrary,
  { home, pins }: { readonly home: string; readonly pins: string },
  isMeant: (digest: string) => boolean,
): Promise<void> {
  const meant = (await namesIn(home)).filter((name) => isMeant(name.slice(name.indexOf('-') + 1)));
  for (const name of meant.filter((name) => name.startsWith('links-'))) await detach(library, { links: path.join(home, name), pins });
  for (const name of meant.filter((name) => name.startsWith('shares-'))) await rm(path.join(home, name), { recursive: true, force: true });
}

/**
 * Removes links, and returns when the kernel no longer runs their programs. It detaches a program when nobody has its link any more: some
 * time after its name was removed, but at once when the last descriptor is closed. So a descriptor is held until the name is surely gone.
 */
async function detach(library: KernelLibrary, { links, pins }: { readonly links: string; readonly pins: string }): Promise<void> {
  const held = (await namesIn(links)).map((name) => library.bpf_obj_get(path.join(links, name))).filter((fd) => fd >= 0);
  try {
    await rm(links, { recursive: true, force: true });
    for (let round = 0; round < DETACH_ROUNDS; round += 1) await waitForPrograms(library, pins);
  } finally {
    for (const fd of held) library.close(fd);
  }
  await waitForPrograms(library, pins);
}

/** What a directory holds; nothing where there is none. */
export async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch {
    return [];
  }
}

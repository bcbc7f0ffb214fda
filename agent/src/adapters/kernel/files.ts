/** By which device and inode the kernel half meets the files in the root of a process. */
import { readFile } from 'node:fs/promises';
import type { FileFinder, FileId } from '../../ports.ts';
import { askRoot } from './ask-root.ts';
import { openLibrary } from './library.ts';

/** Bits of a device's minor number as the kernel holds it. */
const MINOR_BITS = 20;

/** Opens the bridge in `bpfDirectory`. */
export function openFiles({ bpfDirectory, proc = '/proc' }: { readonly bpfDirectory: string; readonly proc?: string }): FileFinder {
  const library = openLibrary(bpfDirectory);
  return {
    async find(pid, paths) {
      const pairs = await askRoot(library.parapet_identify, `${proc}/${pid}/root`, paths);
      const mounts = pairs === undefined ? undefined : await readDevices(`${proc}/${pid}/mountinfo`);
      return pairs === undefined || mounts === undefined ? undefined : filesOf(pairs, mounts);
    },
  };
}

function filesOf(pairs: readonly (readonly [string, string])[], devices: ReadonlyMap<string, number>): Map<string, FileId> {
  const files = new Map<string, FileId>();
  for (const [path, answer] of pairs) {
    const [mount = '', inode = '', links = ''] = answer.split(' ');
    const device = devices.get(mount);
    if (device !== undefined) files.set(path, { device, inode: BigInt(inode), links: Number(links) });
  }
  return files;
}

/** From the number of a mount to its file system's device: what stat(2) says of a file can be another one, for instance on overlayfs. */
async function readDevices(file: string): Promise<ReadonlyMap<string, number> | undefined> {
  try {
    const lines = (await readFile(file, 'utf8')).split('\n').map((line) => line.split(' '));
    return new Map(lines.map(([mount = '', , device = '']) => [mount, deviceNumber(device)] as const));
  } catch {
    return undefined;
  }
}

function deviceNumber(text: string): number {
  const [major = 0, minor = 0] = text.split(':').map(Number);
  return major * 2 ** MINOR_BITS + minor;
}

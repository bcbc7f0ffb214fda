/**
 * The programs in the kernel and their pins: `<pins>/v<ABI>/maps/<map>` and `<pins>/v<ABI>/links-<digest>/<program>`. Pins outlive the
 * agent. The digest is the object's: an agent that finds its own object's links takes them over; another object's are replaced after the
 * new ones are attached, so at no time is nothing in force.
 */
import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, rename, rm, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { ABI, LAYOUT, PATTERN_CELLS } from '@parapet/policy';
import { StageError } from '../../stage-error.ts';
import { checked, errorName, isNull } from './library.ts';
import type { KernelLibrary } from './library.ts';
import { lockKernel } from './lock.ts';
import { KernelMap, word } from './map.ts';
import type { MapShape } from './map.ts';
import { SysEnter } from './sys-enter.ts';

const BPF_FS_MAGIC = 0xcafe4a11;
const UNFINISHED = 'links-unfinished'; // no dots: the BPF file system refuses them

const { node_key, node, source_key, words, flat_rules, endpoint_key, endpoint, syscall_set, table, container, label, guard } = LAYOUT;
/** Every map of the kernel half that the agent opens. */
export const SHAPES = {
  nodes: { keySize: node_key.size, valueSize: node.size },
  node_sources: { keySize: source_key.size, valueSize: words.size },
  source_flat: { keySize: source_key.size, valueSize: flat_rules.size },
  endpoints: { keySize: endpoint_key.size, valueSize: endpoint.size },
  patterns: { keySize: 4, valueSize: PATTERN_CELLS * 2 },
  syscall_sets: { keySize: source_key.size, valueSize: syscall_set.size },
  tables: { keySize: 4, valueSize: table.size },
  containers: { keySize: 4, valueSize: container.size },
  cgroups: { keySize: 8, valueSize: 4 },
  labels: { keySize: 4, valueSize: label.size },
  counters: { keySize: 4, valueSize: 8 },
  events: { keySize: 0, valueSize: 0 },
  guard: { keySize: 4, valueSize: guard.size },
  own: { keySize: 8, valueSize: 4 },
  barrier: { keySize: 4, valueSize: 4 },
  barrier_value: { keySize: 4, valueSize: 4 },
} as const satisfies Record<string, Omit<MapShape, 'name'>>;

export type MapName = keyof typeof SHAPES;
export type KernelMaps = Readonly<Record<MapName, KernelMap>>;

/** Programs that are loaded, attached and pinned, and their maps. */
export interface Programs {
  readonly maps: KernelMaps;
  /** The link of the iterator that labels tasks which were there before. */
  readonly adopt: number;
  /** The program of system calls, attached on demand. */
  readonly sysEnter: Pick<SysEnter, 'attached' | 'attach' | 'detach'>;
  /** Whether they were in force already. */
  readonly inherited: boolean;
  /** Takes everything out of the kernel. */
  remove(): Promise<void>;
  /** Lets another agent take over. */
  unlock(): void;
}

/** Puts the programs in force, or takes over those that are. Throws a StageError when the kernel refuses, with its reasons. */
export async function startPrograms(library: KernelLibrary, options: { bpfDirectory: string; pinDirectory: string }): Promise<Programs> {
  const object = path.join(options.bpfDirectory, 'parapet.bpf.o');
  const home = path.join(options.pinDirectory, `v${ABI}`);
  const pins = path.join(home, 'maps');
  const links = path.join(home, `links-${await digestOf(object)}`);
  await makePinDirectory(library, { pins, root: options.pinDirectory });
  const unlock = await lockKernel(library, options.pinDirectory);
  try {
    const inherited = (await namesIn(home)).includes(path.basename(links));
    if (!inherited) await attach(library, { object, pins, home, links });
    const maps = openMaps(library, pins);
    const adopt = checked(library.bpf_obj_get(path.join(links, 'adopt')), 'opening the pinned iterator');
    await removeOthers(options.pinDirectory, { home, links });
    await guardOurselves(library, { maps, adopt, pins });
    return {
      maps,
      adopt,
      sysEnter: new SysEnter(library, links),
      inherited,
      async remove() {
        await rm(links, { recursive: true, force: true });
        await rm(options.pinDirectory, { recursive: true, force: true });
      },
      unlock,
    };
  } catch (error) {
    unlock();
    throw error;
  }
}

/** Tells the programs which pins to keep containers away from. Whoever runs the iterator is the agent to them. */
async function guardOurselves(library: KernelLibrary, at: { maps: KernelMaps; adopt: number; pins: string }): Promise<void> {
  const entry = new Uint8Array(guard.size);
  new DataView(entry.buffer).setUint32(guard.pins, kernelDevice((await stat(at.pins)).dev), true);
  at.maps.guard.set(word(0), entry);
  checked(library.parapet_iterate(at.adopt), 'labelling tasks');
}

/** A device number of stat(2) as the kernel has it: twelve bits of major number, then twenty of minor. */
export function kernelDevice(device: number): number {
  const major = (device >>> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >>> 12) & 0xfff00);
  return ((major << 20) | minor) >>> 0;
}

async function digestOf(object: string): Promise<string> {
  try {
    return createHash('sha256')
      .update(await readFile(object))
      .digest('hex')
      .slice(0, 16);
  } catch (cause) {
    throw new StageError(`the kernel programs ${object} cannot be read`, { stage: 'kernel', retry: false, cause });
  }
}

async function makePinDirectory(library: KernelLibrary, { pins, root }: { pins: string; root: string }): Promise<void> {
  const mountPoint = path.dirname(root);
  try {
    await mkdir(mountPoint, { recursive: true });
    if ((await statfs(mountPoint)).type !== BPF_FS_MAGIC) {
      checked(library.mount('bpffs', mountPoint, 'bpf', 0, null), `mounting the BPF file system on ${mountPoint}`);
    }
    await mkdir(pins, { recursive: true, mode: 0o700 });
  } catch (cause) {
    throw new StageError(`pins cannot be made in ${pins}`, { stage: 'kernel', retry: false, cause });
  }
}

async function attach(library: KernelLibrary, at: { object: string; pins: string; home: string; links: string }): Promise<void> {
  const unfinished = path.join(at.home, UNFINISHED);
  await rm(unfinished, { recursive: true, force: true });
  const error = Buffer.alloc(4);
  const handle = library.parapet_load(at.object, at.pins, error);
  if (isNull(handle)) throw refused(library, 'loading the kernel programs', error.readInt32LE());
  try {
    await mkdir(unfinished, { mode: 0o700 });
    const result = library.parapet_attach(handle, unfinished);
    if (result < 0) throw refused(library, 'attaching the kernel programs', result);
    await rename(unfinished, at.links);
  } catch (cause) {
    await rm(unfinished, { recursive: true, force: true });
    throw cause;
  } finally {
    library.bpf_object__close(handle);
  }
}

function refused(library: KernelLibrary, what: string, code: number): StageError {
  const said = library.parapet_messages().trim().split('\n').slice(-8).join('\n');
  return new StageError(`${what}: ${errorName(code)}`, { stage: 'kernel', retry: false, cause: said === '' ? undefined : new Error(said) });
}

function openMaps(library: KernelLibrary, pins: string): KernelMaps {
  const open = (name: MapName): KernelMap => {
    const fd = checked(library.bpf_obj_get(path.join(pins, name)), `opening the kernel's map ${name}`);
    return new KernelMap(library, fd, { name, ...SHAPES[name] });
  };
  const names = Object.keys(SHAPES) as MapName[];
  return Object.fromEntries(names.map((name) => [name, open(name)])) as unknown as KernelMaps;
}

/** Links of other objects, and everything of another ABI: both held until the new programs were attached. */
async function removeOthers(root: string, keep: { home: string; links: string }): Promise<void> {
  for (const name of await namesIn(keep.home)) {
    const file = path.join(keep.home, name);
    if (name.startsWith('links') && file !== keep.links) await rm(file, { recursive: true, force: true });
  }
  for (const name of await namesIn(root)) {
    const file = path.join(root, name);
    if (file !== keep.home) await rm(file, { recursive: true, force: true });
  }
}

async function namesIn(directory: string): Promise<string[]> {
  try {
    return await readdir(directory);
  } catch {
    return [];
  }
}

/**
 * The programs in the kernel and their pins: `<pins>/v<ABI>/maps/<map>`, `<pins>/v<ABI>/links-<digest>/<program>`, and
 * `<pins>/v<ABI>/shares-<digest>/shared-<program>` for the functions that programs share. Pins outlive the agent. The digest is that of
 * the objects: an agent that finds its own objects' links takes them over; others' of the same ABI are replaced after the new ones are attached
 * to the same maps, so at no time is nothing in force. Those of another ABI stay until `takeOver` (earlier.ts).
 */
import { createHash } from 'node:crypto';
import { mkdir, readFile, rename, rm, stat, statfs } from 'node:fs/promises';
import path from 'node:path';
import { ABI, LAYOUT, PATTERN_CELLS, TALLY_TEXT } from '@parapet/policy';
import { StageError } from '../../stage-error.ts';
import { EarlierPrograms } from './earlier.ts';
import type { IndexOf } from './earlier.ts';
import { homesIn, namesIn, removeFrom } from './homes.ts';
import { callAside, checked, errorName, isNull } from './library.ts';
import type { Handle, KernelLibrary } from './library.ts';
import { lockKernel } from './lock.ts';
import { KernelMap, word } from './map.ts';
import type { MapShape } from './map.ts';
import { SysEnter } from './sys-enter.ts';

const BPF_FS_MAGIC = 0xcafe4a11;
const UNFINISHED = 'unfinished'; // no dots: the BPF file system refuses them
const HOOKS = 'parapet.bpf.o';
const SHARED = 'shared.bpf.o';
const BESIDE = 'beside.bpf.o';

const {
  node_key,
  node,
  source_key,
  words,
  flat_rules,
  argument_rules,
  endpoint_key,
  endpoint,
  inode_key,
  syscall_set,
  table,
  container,
  label,
  guard,
  tally_key,
  event,
  hold_settings,
  root_name,
  held,
} = LAYOUT;
/** Every map of the kernel half that the agent opens. */
export const SHAPES = {
  nodes: { keySize: node_key.size, valueSize: node.size },
  node_sources: { keySize: source_key.size, valueSize: words.size },
  source_flat: { keySize: source_key.size, valueSize: flat_rules.size },
  argument_rules: { keySize: source_key.size, valueSize: argument_rules.size },
  inodes: { keySize: inode_key.size, valueSize: node.size },
  endpoints: { keySize: endpoint_key.size, valueSize: endpoint.size },
  patterns: { keySize: 4, valueSize: PATTERN_CELLS * 2 },
  syscall_sets: { keySize: source_key.size, valueSize: syscall_set.size },
  tables: { keySize: 4, valueSize: table.size },
  containers: { keySize: 4, valueSize: container.size },
  cgroups: { keySize: 8, valueSize: 4 },
  hold_settings: { keySize: 4, valueSize: hold_settings.size },
  hold_roots: { keySize: root_name.size, valueSize: 4 },
  hold_passed: { keySize: 8, valueSize: 1 },
  held: { keySize: 4, valueSize: held.size },
  labels: { keySize: 4, valueSize: label.size },
  labelled: { keySize: 4, valueSize: 4 },
  counters: { keySize: 4, valueSize: 8 },
  events: { keySize: 0, valueSize: 0 },
  tallies: { keySize: 4, valueSize: 4 },
  tallies_a: { keySize: tally_key.size, valueSize: event.size + TALLY_TEXT },
  tallies_b: { keySize: tally_key.size, valueSize: event.size + TALLY_TEXT },
  guard: { keySize: 4, valueSize: guard.size },
  own: { keySize: 8, valueSize: 4 },
  barrier: { keySize: 4, valueSize: 4 },
  barrier_value: { keySize: 4, valueSize: 4 },
} as const satisfies Record<string, Omit<MapShape, 'name'>>;

export type MapName = keyof typeof SHAPES;
export type KernelMaps = Readonly<Record<MapName, KernelMap>>;

/** Programs that are loaded, attached and pinned, and their maps. */
export interface Programs {
  /** Where the maps are pinned. */
  readonly pins: string;
  readonly maps: KernelMaps;
  /** The link of the iterator that labels tasks which were there before. */
  readonly adopt: number;
  /** The program of system calls, attached on demand. */
  readonly sysEnter: Pick<SysEnter, 'attached' | 'attach' | 'detach'>;
  /** Whether they were in force already. */
  readonly inherited: boolean;
  /**
   * Takes over from programs of another ABI, when what they have in force is in force here, and takes them out. What keeps some of them, a
   * sentence each.
   */
  takeOver(indexOf: IndexOf): Promise<readonly string[]>;
  /** Takes everything out of the kernel, of every ABI. */
  remove(): Promise<void>;
  /** Lets another agent take over. */
  unlock(): void;
}

/** Puts the programs in force, or takes over those that are. Throws a StageError when the kernel refuses, with its reasons. */
export async function startPrograms(library: KernelLibrary, options: { bpfDirectory: string; pinDirectory: string }): Promise<Programs> {
  const home = path.join(options.pinDirectory, `v${ABI}`);
  const pins = path.join(home, 'maps');
  const digest = await digestOf(options.bpfDirectory);
  const links = path.join(home, `links-${digest}`);
  await makePinDirectory(library, { pins, root: options.pinDirectory });
  const unlock = await lockKernel(library, options.pinDirectory);
  try {
    const inherited = (await namesIn(home)).includes(path.basename(links));
    if (!inherited) await attach(library, { bpfDirectory: options.bpfDirectory, pins, home, digest });
    const maps = openMaps(library, pins);
    const adopt = checked(library.bpf_obj_get(path.join(links, 'adopt')), 'opening the pinned iterator');
    await removeFrom(library, { home, pins }, (its) => its !== digest);
    await guardOurselves(library, { maps, adopt, pins });
    const earlier = new EarlierPrograms({ library, adopt, root: options.pinDirectory, home, bpfDirectory: options.bpfDirectory });
    return {
      pins,
      maps,
      adopt,
      sysEnter: new SysEnter(library, links),
      inherited,
      takeOver: (indexOf) => earlier.takeOver(indexOf),
      async remove() {
        for (const one of await homesIn(options.pinDirectory)) await removeFrom(library, { home: one, pins }, () => true);
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

async function digestOf(bpfDirectory: string): Promise<string> {
  const hash = createHash('sha256');
  for (const object of [HOOKS, SHARED, BESIDE]) {
    const file = path.join(bpfDirectory, object);
    try {
      hash.update(await readFile(file));
    } catch (cause) {
      throw new StageError(`the kernel programs ${file} cannot be read`, { stage: 'kernel', retry: false, cause });
    }
  }
  return hash.digest('hex').slice(0, 16);
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

interface Place {
  readonly bpfDirectory: string;
  readonly pins: string;
  readonly home: string;
  readonly digest: string;
}

/** Loads everything, puts shared functions in their places, and only then attaches. */
async function attach(library: KernelLibrary, { bpfDirectory, pins, home, digest }: Place): Promise<void> {
  const shares = path.join(home, `shares-${UNFINISHED}`);
  const links = path.join(home, `links-${UNFINISHED}`);
  await removeFrom(library, { home, pins }, (its) => its === UNFINISHED || its === digest);
  const loaded: Handle[] = [];
  const load = async (object: string, hooks: Handle | null): Promise<Handle> => {
    const error = Buffer.alloc(4);
    const handle = await callAside(library.parapet_load, path.join(bpfDirectory, object), pins, hooks, error);
    if (isNull(handle)) throw refused(library, `loading the kernel programs of ${object}`, error.readInt32LE());
    loaded.push(handle);
    return handle;
  };
  const must = (what: string, result: number): void => {
    if (result < 0) throw refused(library, what, result);
  };
  try {
    // two at a time: what stands beside waits only for the maps of the hooks
    const hooksFirst = load(HOOKS, null);
    const all = [hooksFirst, hooksFirst.then((hooks) => load(SHARED, hooks)), load(BESIDE, null)] as const;
    await Promise.allSettled(all);
    const [hooks, shared, beside] = await Promise.all(all);
    for (const directory of [shares, links]) await mkdir(directory, { mode: 0o700 });
    must('joining the kernel programs', library.parapet_share(shared, hooks, shares));
    must('attaching the kernel programs', library.parapet_attach(beside, links));
    must('attaching the kernel programs', library.parapet_attach(hooks, links));
    await rename(shares, path.join(home, `shares-${digest}`));
    await rename(links, path.join(home, `links-${digest}`));
  } catch (cause) {
    await removeFrom(library, { home, pins }, (its) => its === UNFINISHED);
    throw cause;
  } finally {
    for (const handle of loaded.reverse()) library.bpf_object__close(handle);
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

/**
 * Programs of another ABI, which an earlier agent left. They stay in force beside ours until all that they confine is confined here; then their
 * processes' labels become ours and they go. What an ABI may count on in another one's maps is told at `struct label` in bpf/abi.h, and why it
 * is done like this in docs/decisions/0017.
 */
import { rm } from 'node:fs/promises';
import path from 'node:path';
import { LAYOUT } from '@parapet/policy';
import { homesIn, hasPrograms, removeFrom } from './homes.ts';
import { checked } from './library.ts';
import type { KernelLibrary } from './library.ts';
import { KernelMap, readLongWord, readWord, word } from './map.ts';
import type { MapShape } from './map.ts';
import { wakeHeld } from './watch.ts';

/** What is counted on: these maps, of these sizes. */
const PROMISED = {
  labels: { keySize: 4, valueSize: LAYOUT.label.size },
  cgroups: { keySize: 8, valueSize: 4 },
  containers: { keySize: 4, valueSize: LAYOUT.container.size },
  hold_settings: { keySize: 4, valueSize: LAYOUT.hold_settings.size },
  held: { keySize: 4, valueSize: LAYOUT.held.size },
} as const satisfies Record<string, Omit<MapShape, 'name'>>;
/** Of `struct bpf_map_info`. */
const INFO = { size: 24, keySize: 8, valueSize: 12 };
/** Two are enough, unless labels have no room or containers start meanwhile. */
const CARRY_ROUNDS = 5;
const NAMED = 8;
const HOST = 0;
/** What a container with rules is called that we do not know. */
const NONE = 0;

type EarlierMaps = Readonly<Record<keyof typeof PROMISED, KernelMap>>;

/** Our side of it: where the kernel half finds their labels, and what their containers are called here. */
interface Desk {
  readonly labels: KernelMap;
  readonly containers: KernelMap;
}

/** Our index of the container with that cgroup, once its rules are in force here. */
export type IndexOf = (cgroup: bigint) => number | undefined;

interface Parts {
  readonly library: KernelLibrary;
  /** The link of the iterator that labels tasks. */
  readonly adopt: number;
  /** Holds the homes of every ABI. */
  readonly root: string;
  /** Ours. */
  readonly home: string;
  readonly bpfDirectory: string;
}

export class EarlierPrograms {
  readonly #parts: Parts;

  constructor(parts: Parts) {
    this.#parts = parts;
  }

  /** Takes over from all of them. What keeps some of them, a sentence each; one may be tried again. */
  async takeOver(indexOf: IndexOf): Promise<readonly string[]> {
    const { library, root, home } = this.#parts;
    const kept: string[] = [];
    const desk = { labels: this.#open('earlier_labels'), containers: this.#open('earlier_containers') };
    try {
      clear(desk); // an agent may have died while it was at it
      for (const theirs of await homesIn(root)) {
        const why = theirs === home ? undefined : await this.#takeOverFrom(theirs, { desk, indexOf });
        if (why !== undefined) kept.push(`programs of another version stay in force (${theirs}): ${why}`);
      }
    } finally {
      for (const { fd } of Object.values(desk)) library.close(fd);
    }
    return kept;
  }

  async #takeOverFrom(home: string, { desk, indexOf }: { readonly desk: Desk; readonly indexOf: IndexOf }): Promise<string | undefined> {
    const { library, bpfDirectory } = this.#parts;
    const pins = path.join(home, 'maps');
    if (await hasPrograms(home)) {
      const maps = openPromised(library, pins);
      if (typeof maps === 'string') return `${maps}; to do without them: parapet agent stop --remove, and start the agent anew`;
      try {
        const translation = translate(maps, indexOf);
        const came = await this.#carry(maps.labels, { desk, translation });
        if (came === 'not all') return 'not all of their processes could be labelled here; it is tried again';
        lift(maps, translation);
        if (came === 'all of ours') return whoIsLeft(maps, translation);
        await removeFrom(library, { home, pins: path.join(this.#parts.home, 'maps') }, () => true);
        if (!maps.held.isEmpty()) wakeHeld({ bpfDirectory, maps: pins });
      } finally {
        for (const { fd } of Object.values(maps)) library.close(fd);
      }
    }
    await rm(home, { recursive: true, force: true });
    return undefined;
  }

  /**
   * Labels every process that has a label there. From the moment when the kernel half can see those, children get theirs when they are forked,
   * so one walk over all processes finds the others. Walks tell of each process that they label, and at last of those whose containers are none
   * of ours.
   */
  async #carry(
    labels: KernelMap,
    { desk, translation }: { readonly desk: Desk; readonly translation: ReadonlyMap<number, number> },
  ): Promise<'all' | 'all of ours' | 'not all'> {
    try {
      for (const [theirs, ours] of translation) if (ours !== NONE) desk.containers.set(word(theirs), word(ours));
      await desk.labels.setSlowly(word(0), word(labels.fd)); // returns when every program sees it
      let rounds = 1;
      while (this.#walk() > 0) if (++rounds > CARRY_ROUNDS) return 'not all';
      for (const [theirs, ours] of translation) if (ours === NONE) desk.containers.set(word(theirs), word(NONE));
      return this.#walk() > 0 ? 'all of ours' : 'all';
    } finally {
      clear(desk);
    }
  }

  /** How many bytes of ids the kernel half wrote; bpf/hooks_task.h says of whom. */
  #walk(): number {
    return checked(this.#parts.library.parapet_iterate(this.#parts.adopt), 'carrying over labels');
  }

  #open(name: string): KernelMap {
    const { library, home } = this.#parts;
    const fd = checked(library.bpf_obj_get(path.join(home, 'maps', name)), `opening the kernel's map ${name}`);
    return new KernelMap(library, fd, { name, keySize: 4, valueSize: 4 });
  }
}

function clear({ labels, containers }: Desk): void {
  labels.delete(word(0));
  const keys = [...containers.entries()].map(({ key }) => key);
  if (keys.length > 0) containers.deleteAll(Buffer.concat(keys));
}

/** The maps that are counted on, or which of them is not there as promised. */
function openPromised(library: KernelLibrary, pins: string): EarlierMaps | string {
  const opened: Partial<Record<keyof typeof PROMISED, KernelMap>> = {};
  for (const [name, promised] of Object.entries(PROMISED) as [keyof typeof PROMISED, Omit<MapShape, 'name'>][]) {
    const fd = library.bpf_obj_get(path.join(pins, name));
    if (fd >= 0) opened[name] = new KernelMap(library, fd, { name, ...promised });
    if (fd >= 0 && isOfShape(library, fd, promised)) continue;
    for (const map of Object.values(opened)) library.close(map.fd);
    return `their map ${name} cannot be read`;
  }
  return opened as EarlierMaps;
}

function isOfShape(library: KernelLibrary, fd: number, { keySize, valueSize }: Omit<MapShape, 'name'>): boolean {
  const info = new Uint8Array(INFO.size);
  if (library.bpf_obj_get_info_by_fd(fd, info, word(INFO.size)) < 0) return false;
  return readWord(info, INFO.keySize) === keySize && readWord(info, INFO.valueSize) === valueSize;
}

/** Which of our containers theirs are, by their cgroups. Those with rules there that are none of ours are NONE. */
export function translate(
  { cgroups, containers }: Readonly<Record<'cgroups' | 'containers', Pick<KernelMap, 'entries'>>>,
  indexOf: IndexOf,
): ReadonlyMap<number, number> {
  const translation = new Map<number, number>();
  for (const { key, value } of containers.entries()) {
    if (readWord(key) !== HOST && readWord(value, LAYOUT.container.table) !== 0) translation.set(readWord(key), NONE);
  }
  for (const { key, value } of cgroups.entries()) {
    const ours = indexOf(readLongWord(key));
    if (ours !== undefined) translation.set(readWord(value), ours);
  }
  return translation;
}

/**
 * Lifts what we have in force too: the rules of the node and of containers that are ours. From now on those programs hold and refuse no
 * container that they do not know. Generations stay: an agent of that ABI may come back.
 */
export function lift(
  maps: Readonly<Record<'containers' | 'hold_settings', Pick<KernelMap, 'entries' | 'set'>>>,
  translation: ReadonlyMap<number, number>,
): void {
  for (const { key, value } of [...maps.containers.entries()]) {
    const index = readWord(key);
    const isOurs = index === HOST || (translation.get(index) ?? NONE) !== NONE;
    if (!isOurs || readWord(value, LAYOUT.container.table) === 0) continue;
    const lifted = Uint8Array.from(value);
    lifted.set(word(0), LAYOUT.container.table);
    maps.containers.set(key, lifted);
  }
  maps.hold_settings.set(word(0), new Uint8Array(LAYOUT.hold_settings.size));
}

function whoIsLeft({ labels }: EarlierMaps, translation: ReadonlyMap<number, number>): string {
  const pids = [...labels.entries()]
    .filter(({ value }) => translation.get(readWord(value, LAYOUT.label.container)) === NONE)
    .map(({ key }) => readWord(key));
  if (pids.length === 0) return 'a container began meanwhile; it is tried again';
  const named = pids.slice(0, NAMED).join(', ');
  const more = pids.length > NAMED ? ` and ${pids.length - NAMED} more` : '';
  return `processes of containers that are gone live on, and end with their rules only when they end themselves: ${named}${more}`;
}

/** Containers as the kernel's maps know them: an index, its word of table and generation, and the cgroups that lead to it. */
import { LAYOUT } from '@parapet/policy';
import type { InForce, Wish } from '../../ports.ts';
import { readLongWord, readWord } from './map.ts';
import type { KernelMaps } from './programs.ts';
import type { StoredTable } from './tables.ts';

/** The node itself, which has no cgroup. */
export const HOST = 0n;

export interface Entry {
  readonly index: number;
  generation: number;
  /** A table of this agent. */
  table: StoredTable | undefined;
  /** Slot of an earlier agent's table, 0 if none. */
  inherited: number;
  /** The files that its rules were told to be about. */
  files?: Wish['files'];
}

/** What an earlier agent left. */
export interface Inheritance {
  readonly entries: readonly Entry[];
  readonly byCgroup: ReadonlyMap<bigint, Entry>;
  /** Those that no cgroup leads to any more: some of their tasks live on elsewhere. */
  readonly leftovers: readonly Entry[];
  /** The highest that is in use. */
  readonly generation: number;
}

/** Reads what an earlier agent left in the kernel. */
export function readInheritance(maps: Pick<KernelMaps, 'containers' | 'cgroups'>): Inheritance {
  const byIndex = new Map<number, Entry>();
  const byCgroup = new Map<bigint, Entry>();
  let highest = 0;
  for (const { key, value } of maps.containers.entries()) {
    const index = readWord(key);
    const generation = readWord(value, LAYOUT.container.generation);
    highest = Math.max(highest, generation);
    if (generation !== 0) byIndex.set(index, { index, generation, table: undefined, inherited: readWord(value) });
  }
  for (const { key, value } of maps.cgroups.entries()) {
    const index = readWord(value);
    const entry = byIndex.get(index) ?? { index, generation: 0, table: undefined, inherited: 0 };
    byIndex.set(index, entry);
    byCgroup.set(readLongWord(key), entry);
  }
  const host = byIndex.get(0);
  if (host !== undefined) byCgroup.set(HOST, host);
  const claimed = new Set(byCgroup.values());
  const entries = [...byIndex.values()];
  return { entries, byCgroup, leftovers: entries.filter((entry) => !claimed.has(entry)), generation: highest };
}

/** `struct container`, which the kernel reads and writes as one word. */
export function containerWord({ generation, table }: Pick<Entry, 'generation' | 'table'>): Uint8Array {
  const bytes = new Uint8Array(LAYOUT.container.size);
  const view = new DataView(bytes.buffer);
  view.setUint32(LAYOUT.container.table, table?.slot ?? 0, true);
  view.setUint32(LAYOUT.container.generation, generation, true);
  return bytes;
}

/** What events of the container will name. */
export function inForceOf(entry: Entry): InForce {
  return {
    container: entry.index,
    generation: entry.generation,
    tableHash: entry.table?.hash ?? '',
    nodeBase: entry.table?.nodeBase ?? 0,
  };
}

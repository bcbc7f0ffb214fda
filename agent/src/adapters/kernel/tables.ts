/** The tables in the kernel: equal ones are stored once, and each stays until no container uses it. */
import { createHash } from 'node:crypto';
import { canonicalTable, encodeTable, LAYOUT, MAX_TABLES } from '@parapet/policy';
import type { EncodedTable, Table } from '@parapet/policy';
import { StageError } from '../../stage-error.ts';
import { NodeIds, Slots } from './ids.ts';
import { readWord, word } from './map.ts';
import type { KernelMap } from './map.ts';

/** The maps that hold tables. */
export type TableMaps = Readonly<
  Record<'nodes' | 'node_sources' | 'source_flat' | 'tables', Pick<KernelMap, 'get' | 'set' | 'setAll' | 'deleteAll' | 'entries'>>
>;

/** A table that the kernel holds. */
export interface StoredTable {
  readonly slot: number;
  readonly hash: string;
  readonly nodeBase: number;
}

interface Held extends StoredTable {
  readonly encoded: Pick<EncodedTable, 'nodeKeys' | 'sourceKeys' | 'flatKeys'>;
  readonly ids: { readonly base: number; readonly count: number };
  users: number;
}

export class TableStore {
  readonly #maps: TableMaps;
  readonly #ids: NodeIds;
  readonly #slots: Slots;
  readonly #held = new Map<string, Held>();
  /** Slots of tables that an earlier agent stored and that are still in use. */
  readonly #inherited: Set<number>;

  /** `inherited`: slots that containers point to already. */
  constructor(maps: TableMaps, inherited: Iterable<number>) {
    this.#maps = maps;
    this.#inherited = new Set(inherited);
    this.#slots = new Slots(MAX_TABLES, this.#inherited);
    this.#ids = new NodeIds(highestId(maps));
  }

  /** Stores a table, or finds an equal one, and counts one more user. Throws a StageError, with nothing stored, when there is no room. */
  acquire(table: Table): StoredTable {
    const hash = TableStore.hashOf(table);
    const held = this.#held.get(hash) ?? this.#store(table, hash);
    held.users += 1;
    return held;
  }

  /** The hash that `acquire` would give. */
  static hashOf(table: Table): string {
    return createHash('sha256').update(canonicalTable(table)).digest('hex');
  }

  /** One user less; the last one deletes it. Only after a barrier: no running program may still use it. */
  release({ hash }: StoredTable): void {
    const held = this.#held.get(hash);
    if (held === undefined) return;
    held.users -= 1;
    if (held.users > 0) return;
    this.#held.delete(hash);
    this.#drop(held);
  }

  /** The container that pointed to an earlier agent's table points elsewhere now. Its nodes go with `purge`. */
  releaseInherited(slot: number): void {
    if (this.#inherited.delete(slot)) this.#slots.free(slot);
  }

  /** Deletes the nodes of tables that nobody uses any more and that this agent does not know: an earlier agent's. After a barrier. */
  purge(): void {
    const reachable = this.#reachable();
    const unused = (key: Uint8Array): boolean => !this.#ids.has(readWord(key)) && !reachable.has(readWord(key));
    for (const map of [this.#maps.nodes, this.#maps.node_sources, this.#maps.source_flat]) {
      const keys = [...map.entries()].map(({ key }) => key).filter(unused);
      if (keys.length > 0) map.deleteAll(Buffer.concat(keys));
    }
  }

  #store(table: Table, hash: string): Held {
    const slot = this.#slots.take();
    if (slot === undefined)
      throw new StageError(`the kernel holds ${MAX_TABLES - 1} different tables already`, { stage: 'kernel', retry: false });
    const ids = this.#ids.take(encodeTable(table, 0).idCount);
    const encoded = encodeTable(table, ids.base);
    const held: Held = { slot, hash, nodeBase: ids.base, encoded, ids, users: 0 };
    try {
      this.#maps.nodes.setAll(encoded.nodeKeys, encoded.nodeValues);
      this.#maps.node_sources.setAll(encoded.sourceKeys, encoded.sourceWords);
      this.#maps.source_flat.setAll(encoded.flatKeys, encoded.flatRules);
      this.#maps.tables.set(word(slot), encoded.table);
    } catch (cause) {
      this.#drop(held);
      throw cause;
    }
    this.#held.set(hash, held);
    return held;
  }

  #drop({ encoded, ids, slot }: Held): void {
    this.#maps.nodes.deleteAll(encoded.nodeKeys);
    this.#maps.node_sources.deleteAll(encoded.sourceKeys);
    this.#maps.source_flat.deleteAll(encoded.flatKeys);
    this.#ids.free(ids);
    this.#slots.free(slot);
  }

  /** Nodes of the tables that are still inherited, from their roots down. */
  #reachable(): Set<number> {
    const found = new Set<number>();
    if (this.#inherited.size === 0) return found;
    for (const slot of this.#inherited) {
      const bytes = this.#maps.tables.get(word(slot));
      if (bytes === undefined) continue;
      found.add(readWord(bytes, LAYOUT.table.top + LAYOUT.node.id));
      found.add(readWord(bytes, LAYOUT.table.source_root));
    }
    const children = new Map<number, number[]>();
    for (const { key, value } of this.#maps.nodes.entries()) {
      const parent = readWord(key, LAYOUT.node_key.node);
      children.set(parent, [...(children.get(parent) ?? []), readWord(value, LAYOUT.node.id)]);
    }
    for (const id of found) for (const child of children.get(id) ?? []) found.add(child);
    return found;
  }
}

function highestId(maps: TableMaps): number {
  let highest = 0;
  for (const { key, value } of maps.nodes.entries()) {
    highest = Math.max(highest, readWord(key, LAYOUT.node_key.node), readWord(value, LAYOUT.node.id));
  }
  for (const { value } of maps.tables.entries()) highest = Math.max(highest, readWord(value, LAYOUT.table.top + LAYOUT.node.id));
  return highest;
}

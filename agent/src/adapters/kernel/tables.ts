/** The tables in the kernel: equal ones are stored once, and each stays until no container uses it. */
import { createHash } from 'node:crypto';
import { auditsAny, canonicalBytes, CLASS, encodeTable, LAYOUT, MAX_PATTERN_CHUNKS, MAX_TABLES } from '@parapet/policy';
import type { EncodedTable, Table } from '@parapet/policy';
import { StageError } from '../../stage-error.ts';
import { NodeIds, Slots } from './ids.ts';
import { highestId, inheritedFrom, listsIn } from './inherited.ts';
import type { Inherited } from './inherited.ts';
import type { Range } from './ids.ts';
import { readWord, word } from './map.ts';
import type { KernelMap } from './map.ts';

/** The maps that hold tables. */
export type TableMaps = Readonly<
  Record<
    'nodes' | 'node_sources' | 'source_flat' | 'argument_rules' | 'endpoints' | 'patterns' | 'syscall_sets' | 'tables',
    Pick<KernelMap, 'get' | 'set' | 'setAll' | 'deleteAll' | 'entries'>
  >
>;

/** What is worked out once for a table, however many containers have it. */
interface Digest {
  readonly hash: string;
  readonly idCount: number;
  readonly patternCount: number;
}

/** The maps that hold a table's entries, where those are in an encoded table, and where a key has the id of its node or of the table's root. */
const PARTS = [
  ['nodes', 'nodeKeys', 'nodeValues', LAYOUT.node_key.node],
  ['node_sources', 'sourceKeys', 'sourceWords', LAYOUT.source_key.node],
  ['source_flat', 'flatKeys', 'flatRules', LAYOUT.source_key.node],
  ['argument_rules', 'argumentKeys', 'argumentRules', LAYOUT.source_key.node],
  ['endpoints', 'endpointKeys', 'endpoints', LAYOUT.endpoint_key.root],
  ['syscall_sets', 'syscallKeys', 'syscallSets', LAYOUT.source_key.node],
] as const;

/** A table that the kernel holds. */
export interface StoredTable {
  readonly slot: number;
  readonly hash: string;
  readonly nodeBase: number;
  /** The slot of what holds for tasks with a terminal, where the table has that, and what its nodes are counted from. */
  readonly terminalSlot: number | undefined;
  readonly terminalBase: number;
  /** Whether it audits system calls. */
  readonly auditsSyscalls: boolean;
}

interface Held extends StoredTable {
  readonly keys: Pick<EncodedTable, 'nodeKeys' | 'sourceKeys' | 'flatKeys' | 'argumentKeys' | 'endpointKeys' | 'syscallKeys'>;
  readonly ids: Range;
  /** The automaton's chunks; none where the table has no pattern. */
  readonly chunks: Range | undefined;
  users: number;
}

/** Replicas share their table, so that it is encoded and hashed once for all of them. */
const digests = new WeakMap<Table, Digest>();

/** A table that has its numbers and is not in the maps yet. */
interface Placed {
  readonly held: Held;
  readonly encoded: EncodedTable;
}

export class TableStore {
  readonly #maps: TableMaps;
  readonly #ids: NodeIds;
  readonly #slots: Slots;
  readonly #held = new Map<string, Held>();
  readonly #chunks = new NodeIds(0, MAX_PATTERN_CHUNKS - 1);
  /** Tables that an earlier agent stored and that are still in use, by their slots. */
  readonly #inherited: Map<number, Inherited>;

  /** `inherited`: slots that containers point to already. */
  constructor(maps: TableMaps, inherited: Iterable<number>) {
    this.#maps = maps;
    this.#inherited = new Map([...inherited].map((slot) => [slot, inheritedFrom(slot, maps.tables.get(word(slot)))]));
    for (const { chunks } of this.#inherited.values()) if (chunks.count > 0) this.#chunks.reserve(chunks);
    this.#slots = new Slots(MAX_TABLES, this.#inheritedSlots());
    this.#ids = new NodeIds(highestId(maps));
  }

  /** Stores a table, or finds an equal one, and counts one more user. Throws a StageError, with nothing stored, when there is no room. */
  acquire(table: Table): StoredTable {
    const digest = digestOf(table);
    const held = this.#held.get(digest.hash) ?? this.#store(table, digest);
    held.users += 1;
    return held;
  }

  /**
   * Fills the maps with all tables that `acquire` will be asked for next, in few system calls; those that are then not asked for go with
   * `discard`. Where not all of them find room none is stored, and `acquire` stores each by itself.
   */
  storeAll(tables: Iterable<Table>): void {
    const placed: Placed[] = [];
    try {
      for (const table of tables) {
        const digest = digestOf(table);
        if (this.#held.has(digest.hash)) continue;
        const next = this.#place(table, digest);
        placed.push(next);
        this.#held.set(digest.hash, next.held);
      }
      this.#fill(placed);
    } catch {
      for (const { held } of placed) this.#held.delete(held.hash);
      this.#drop(placed.map(({ held }) => held));
    }
  }

  /** Deletes the tables that were stored and not acquired. No program can use them. */
  discard(): void {
    const unused = [...this.#held.values()].filter(({ users }) => users === 0);
    for (const { hash } of unused) this.#held.delete(hash);
    this.#drop(unused);
  }

  /** The hash that `acquire` would give. */
  static hashOf(table: Table): string {
    return digestOf(table).hash;
  }

  /** One user of each less; the last one deletes it. Only after a barrier: no running program may still use it. */
  release(...tables: readonly StoredTable[]): void {
    for (const { hash } of tables) {
      const held = this.#held.get(hash);
      if (held !== undefined) held.users -= 1;
    }
    this.discard();
  }

  /** The container that pointed to an earlier agent's table points elsewhere now. Its nodes go with `purge`. */
  releaseInherited(slot: number): void {
    const table = this.#inherited.get(slot);
    if (table === undefined) return;
    this.#inherited.delete(slot);
    this.#chunks.free(table.chunks);
    for (const used of table.slots) this.#slots.free(used);
  }

  /** Deletes the nodes of tables that nobody uses any more and that this agent does not know: an earlier agent's. After a barrier. */
  purge(): void {
    const reachable = this.#reachable();
    const unused = (id: number): boolean => !this.#ids.has(id) && !reachable.has(id);
    for (const [map, , , idAt] of PARTS) {
      const keys = [...this.#maps[map].entries()].map(({ key }) => key).filter((key) => unused(readWord(key, idAt)));
      if (keys.length > 0) this.#maps[map].deleteAll(Buffer.concat(keys));
    }
  }

  /** Whether some table audits system calls; an earlier agent's counts when it says anything about them. */
  auditsSyscalls(): boolean {
    if ([...this.#held.values()].some((held) => held.auditsSyscalls)) return true;
    return this.#inheritedSlots().some((slot) => {
      const bytes = this.#maps.tables.get(word(slot));
      return bytes !== undefined && (readWord(bytes, LAYOUT.table.flags) & (1 << CLASS.syscalls)) !== 0;
    });
  }

  #store(table: Table, digest: Digest): Held {
    const placed = this.#place(table, digest);
    const { held } = placed;
    try {
      this.#fill([placed]);
    } catch (cause) {
      this.#drop([held]);
      throw cause;
    }
    this.#held.set(held.hash, held);
    return held;
  }

  /** Gives a table its slots, chunks and node ids. */
  #place(table: Table, { hash, idCount, patternCount }: Digest): Placed {
    const ids = this.#ids.take(idCount);
    const slot = this.#slots.take();
    const terminalSlot = table.terminal === undefined ? undefined : this.#slots.take();
    const chunks = this.#takeChunks(patternCount);
    const hasSlots = slot !== undefined && (table.terminal === undefined || terminalSlot !== undefined);
    if (!hasSlots || (patternCount > 0 && chunks === undefined)) {
      this.#free({ ids, slot, terminalSlot, chunks });
      const what = hasSlots
        ? `has no room for ${patternCount} more chunks of patterns`
        : `holds ${MAX_TABLES - 1} different tables already`;
      throw new StageError(`the kernel ${what}`, { stage: 'kernel', retry: true });
    }
    const encoded = encodeTable(table, ids.base, { chunk: (chunks?.base ?? 0) + 1, terminal: terminalSlot ?? 0 });
    const { nodeKeys, sourceKeys, flatKeys, argumentKeys, endpointKeys, syscallKeys } = encoded;
    const keys = { nodeKeys, sourceKeys, flatKeys, argumentKeys, endpointKeys, syscallKeys };
    const terminalBase = ids.base + encoded.ownIdCount;
    const auditsSyscalls = auditsAny(syscallKeys);
    return { held: { slot, terminalSlot, terminalBase, hash, nodeBase: ids.base, auditsSyscalls, keys, ids, chunks, users: 0 }, encoded };
  }

  /** Undefined where none are needed, and where there are not enough in a row. */
  #takeChunks(count: number): Range | undefined {
    try {
      return count === 0 ? undefined : this.#chunks.take(count);
    } catch (error) {
      if (error instanceof RangeError) return undefined;
      throw error;
    }
  }

  #free({ ids, slot, terminalSlot, chunks }: Pick<Held, 'ids' | 'terminalSlot' | 'chunks'> & { slot: number | undefined }): void {
    this.#ids.free(ids);
    if (chunks !== undefined) this.#chunks.free(chunks);
    for (const used of [slot, terminalSlot]) if (used !== undefined) this.#slots.free(used);
  }

  #fill(tables: readonly Placed[]): void {
    const all = (part: (placed: Placed) => Uint8Array): Uint8Array => Buffer.concat(tables.map(part));
    this.#maps.patterns.setAll(
      all(({ held }) => chunkKeys(held.chunks)),
      all(({ encoded }) => encoded.patternChunks),
    );
    for (const [map, keys, values] of PARTS) {
      this.#maps[map].setAll(
        all(({ encoded }) => encoded[keys]),
        all(({ encoded }) => encoded[values]),
      );
    }
    this.#maps.tables.setAll(
      all(({ held: { slot, terminalSlot } }) => Buffer.concat([slot, terminalSlot].filter((used) => used !== undefined).map(word))),
      all(({ encoded }) => Buffer.concat([encoded.table, encoded.terminalTable])),
    );
  }

  #drop(tables: readonly Held[]): void {
    const all = (part: (held: Held) => Uint8Array): Uint8Array => Buffer.concat(tables.map(part));
    for (const [map, keys] of PARTS) this.#maps[map].deleteAll(all((held) => held.keys[keys]));
    for (const held of tables) this.#free(held);
  }

  #inheritedSlots(): number[] {
    return [...this.#inherited.values()].flatMap(({ slots }) => slots);
  }

  /** Nodes of the tables that are still inherited, from their roots down. */
  #reachable(): Set<number> {
    const found = new Set<number>();
    if (this.#inherited.size === 0) return found;
    for (const slot of this.#inheritedSlots()) {
      const bytes = this.#maps.tables.get(word(slot));
      if (bytes === undefined) continue;
      found.add(readWord(bytes, LAYOUT.table.top + LAYOUT.node.id));
      found.add(readWord(bytes, LAYOUT.table.source_root));
      found.add(readWord(bytes, LAYOUT.table.dns_root));
      found.add(readWord(bytes, LAYOUT.table.execname_root));
      found.add(readWord(bytes, LAYOUT.table.syscall_paths));
    }
    const children = new Map<number, number[]>();
    for (const { key, value } of this.#maps.nodes.entries()) {
      const parent = readWord(key, LAYOUT.node_key.node);
      children.set(parent, [...(children.get(parent) ?? []), readWord(value, LAYOUT.node.id)]);
    }
    for (const { key, value } of this.#maps.argument_rules.entries()) {
      const node = readWord(key, LAYOUT.source_key.node);
      children.set(node, [...(children.get(node) ?? []), ...listsIn(value)]);
    }
    for (const id of found) for (const child of children.get(id) ?? []) found.add(child);
    return found;
  }
}

function digestOf(table: Table): Digest {
  let digest = digests.get(table);
  if (digest === undefined) {
    const encoded = encodeTable(table, 0);
    digest = {
      hash: createHash('sha256').update(canonicalBytes(encoded)).digest('hex'),
      idCount: encoded.idCount,
      patternCount: encoded.patternCount,
    };
    digests.set(table, digest);
  }
  return digest;
}

function chunkKeys(chunks: Range | undefined): Uint8Array {
  return Buffer.concat(Array.from({ length: chunks?.count ?? 0 }, (_, i) => word((chunks?.base ?? 0) + 1 + i)));
}

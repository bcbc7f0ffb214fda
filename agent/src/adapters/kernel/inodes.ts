/** The files that rules name, as the kernel's map of inodes has them: for each container and table of its own. */
import { FILE_MANY_NAMES, FILE_MORE_RULES, LAYOUT, MAX_PROGRAM_NAMES, sourceMask } from '@parapet/policy';
import type { Table, TableNode } from '@parapet/policy';
import type { FileId } from '../../ports.ts';
import { readWord } from './map.ts';
import type { KernelMap } from './map.ts';
import type { StoredTable } from './tables.ts';

type InodeMap = Pick<KernelMap, 'setAll' | 'deleteAll' | 'entries'>;

/** What a container is about to be turned to. */
export interface InodeWish {
  readonly table: Table;
  readonly stored: StoredTable;
  readonly generation: number;
  /** By the paths of rules. */
  readonly files: ReadonlyMap<string, FileId>;
}

/** Nodes by their paths; worked out once for a table, however many containers have it. */
const paths = new WeakMap<Table, ReadonlyMap<string, TableNode>>();

export class InodeStore {
  readonly #map: InodeMap;
  readonly #keys = new Map<number, Uint8Array>();

  constructor(map: InodeMap) {
    this.#map = map;
  }

  /** Stores a container's files, before it is turned to the table. Throws a StageError when there is no room. */
  store({ table, stored, generation, files }: InodeWish): void {
    const { slot, terminalSlot, nodeBase, terminalBase } = stored;
    const other =
      table.terminal === undefined ? [] : entriesFor(table.terminal, { files, generation, slot: terminalSlot ?? 0, base: terminalBase });
    const entries = [...entriesFor(table, { files, generation, slot, base: nodeBase }), ...other];
    if (entries.length === 0) return;
    const keys = Buffer.concat(entries.map(([key]) => key));
    this.#keys.set(generation, keys);
    try {
      this.#map.setAll(keys, Buffer.concat(entries.map(([, value]) => value)));
    } catch (cause) {
      this.remove(generation);
      throw cause;
    }
  }

  /** Deletes what was stored for a generation that no program can use any more. */
  remove(generation: number): void {
    const keys = this.#keys.get(generation);
    this.#keys.delete(generation);
    if (keys !== undefined) this.#map.deleteAll(keys);
  }

  /** Deletes what an earlier agent stored for generations that are not among these. */
  purge(generations: ReadonlySet<number>): void {
    const keys = [...this.#map.entries()]
      .map(({ key }) => key)
      .filter((key) => !generations.has(readWord(key, LAYOUT.inode_key.generation)));
    if (keys.length > 0) this.#map.deleteAll(Buffer.concat(keys));
  }
}

interface Place {
  readonly files: ReadonlyMap<string, FileId>;
  readonly generation: number;
  readonly slot: number;
  readonly base: number;
}

function entriesFor(table: Table, { files, generation, slot, base }: Place): (readonly [Uint8Array, Uint8Array])[] {
  const nodes = nodesByPath(table);
  const byFile = new Map<string, { readonly file: FileId; readonly named: TableNode[] }>();
  for (const [path, file] of files) {
    const node = nodes.get(path);
    const id = `${file.device} ${file.inode}`;
    if (node === undefined) continue;
    const known = byFile.get(id) ?? { file, named: [] };
    byFile.set(id, known);
    known.named.push(node);
  }
  return [...byFile.values()].flatMap(({ file, named }) =>
    named.map((node, number) => {
      const flags = (file.links > MAX_PROGRAM_NAMES ? FILE_MANY_NAMES : 0) | (number + 1 < named.length ? FILE_MORE_RULES : 0);
      return [keyOf(file, { generation, slot, number }), valueOf(node, { base, flags })] as const;
    }),
  );
}

function nodesByPath(table: Table): ReadonlyMap<string, TableNode> {
  const known = paths.get(table);
  if (known !== undefined) return known;
  const byId = new Map<number, string>([[1, '']]);
  const found = new Map<string, TableNode>();
  for (const node of table.nodes) {
    const path = `${byId.get(node.parent) ?? ''}/${Buffer.from(node.name).toString('utf8')}`;
    byId.set(node.id, path);
    if (node.words.exact !== 0 || node.sources.size > 0) found.set(path, node);
  }
  paths.set(table, found);
  return found;
}

function keyOf(
  { device, inode }: FileId,
  { generation, slot, number }: Omit<Place, 'files' | 'base'> & { readonly number: number },
): Uint8Array {
  const at = LAYOUT.inode_key;
  const bytes = Buffer.alloc(at.size);
  bytes.writeBigUInt64LE(inode, at.inode);
  bytes.writeUInt32LE(device, at.device);
  bytes.writeUInt32LE(slot, at.table);
  bytes.writeUInt32LE(generation, at.generation);
  bytes.writeUInt32LE(number, at.number);
  return bytes;
}

/** A `struct node` that nothing leads on from. */
function valueOf({ id, words, sources }: TableNode, { base, flags }: { readonly base: number; readonly flags: number }): Uint8Array {
  const bytes = Buffer.alloc(LAYOUT.node.size);
  bytes.writeBigUInt64LE(sourceMask(sources.keys()), LAYOUT.node.source_mask);
  bytes.writeUInt32LE(base + id, LAYOUT.node.id);
  bytes.writeUInt32LE(flags, LAYOUT.node.lengths);
  bytes.writeUInt16LE(words.exact, LAYOUT.node.words + LAYOUT.words.exact);
  return bytes;
}

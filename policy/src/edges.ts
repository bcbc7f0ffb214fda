/** A table's tries as the edges that the kernel holds: names cut into chunks, source executables in a trie of their own. */
import { NAME_CHUNK } from './abi.ts';
import type { SourceTrie, Table, Words } from './table.ts';

/** One entry of the kernel's node map; ids are relative to the table. */
export interface Edge {
  readonly parent: number;
  /** Bytes of the component that are left, this chunk's included. */
  readonly bytesLeft: number;
  /** At most NAME_CHUNK bytes. */
  readonly chunk: Uint8Array;
  readonly id: number;
  readonly words: Words;
  readonly sourceMask: bigint;
}

const NO_WORDS: Words = { exact: 0, child: 0, deep: 0 };

interface Drawing {
  readonly edges: Edge[];
  /** Ids of chunks and of source nodes that exist already, by parent, bytes left and chunk. */
  readonly seen: Map<string, number>;
  lastId: number;
}

/** All edges of a table, parents before children. Ids: paths, names, domains and paths of calls as they are in the table, then chunks of names, then the source trie. */
export function edgesOf(table: Table): { edges: readonly Edge[]; sourceRoot: number; idCount: number } {
  const drawing: Drawing = { edges: [], seen: new Map(), lastId: lastIdOf(table) };
  for (const { id, parent, name, words, sources } of [
    ...table.nodes,
    ...table.names.nodes,
    ...table.dns.nodes,
    ...table.syscallPaths.nodes,
  ]) {
    drawName(drawing, { parent, name, end: { id, words, sourceMask: sourceMask(sources.keys()) } });
  }
  for (const { id, allowed } of table.arguments.lists) {
    for (const argument of allowed) drawArgument(drawing, { parent: id, argument });
  }
  const sourceRoot = drawSources(drawing, table.sources);
  return { edges: drawing.edges, sourceRoot, idCount: drawing.lastId };
}

/** Paths have the ids from 1 on, names of executables those after them, then domain names, then lists of arguments, then paths of system calls. */
function lastIdOf({ nodes, names, dns, arguments: { lists }, syscallPaths }: Table): number {
  const tries = [names, dns, syscallPaths];
  return tries.reduce((last, trie) => last + (trie.root === 0 ? 0 : 1 + trie.nodes.length), 1 + nodes.length + lists.length);
}

/** One bit for each source class that has something of its own, modulo 64: an absent bit saves the kernel a lookup. */
export function sourceMask(sources: Iterable<number>): bigint {
  let mask = 0n;
  for (const source of sources) mask |= 1n << BigInt(source % 64);
  return mask;
}

/** Draws the chunks of a long name, those that it shares with another only once, then the edge to `end`. */
function drawName(drawing: Drawing, at: { parent: number; name: Uint8Array; end: Pick<Edge, 'id' | 'words' | 'sourceMask'> }): void {
  let { parent, name } = at;
  while (name.length > NAME_CHUNK) {
    parent = drawInner(drawing, { parent, bytesLeft: name.length, chunk: name.subarray(0, NAME_CHUNK) });
    name = name.subarray(NAME_CHUNK);
  }
  drawing.edges.push({ parent, bytesLeft: name.length, chunk: name, ...at.end });
}

/** An argument that a list has is a name under the list's id. */
function drawArgument(drawing: Drawing, { parent, argument }: { parent: number; argument: Uint8Array }): void {
  drawing.lastId += 1;
  drawName(drawing, { parent, name: argument, end: { id: drawing.lastId, words: NO_WORDS, sourceMask: 0n } });
}

/** The id at the end of an edge that has no words of its own; a new edge where there is none. */
function drawInner(drawing: Drawing, edge: Pick<Edge, 'parent' | 'bytesLeft' | 'chunk'>): number {
  const key = `${edge.parent}/${edge.bytesLeft}/${edge.chunk.join(',')}`;
  const known = drawing.seen.get(key);
  if (known !== undefined) return known;
  drawing.lastId += 1;
  drawing.seen.set(key, drawing.lastId);
  drawing.edges.push({ ...edge, id: drawing.lastId, words: NO_WORDS, sourceMask: 0n });
  return drawing.lastId;
}

/** Draws the trie of source executables; gives its root's id, or 0 where there is no source. */
function drawSources(drawing: Drawing, { nodes, classes }: SourceTrie): number {
  if (classes === 0) return 0;
  const rootId = drawing.lastId + 1;
  drawing.lastId += nodes.length + 1;
  nodes.forEach(({ parent, name, words }, i) => {
    drawName(drawing, { parent: rootId + parent, name, end: { id: rootId + i + 1, words, sourceMask: 0n } });
  });
  return rootId;
}

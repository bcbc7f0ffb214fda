/** A table's tries as the edges that the kernel holds: names cut into chunks, source executables in a trie of their own. */
import { NAME_CHUNK } from './abi.ts';
import type { Table, Words } from './table.ts';
import { utf8 } from './utf8.ts';

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

/** All edges of a table, parents before children. Ids: the tries of paths and of domain names as they are in the table, then chunks of names, then the source trie. */
export function edgesOf(table: Table): { edges: readonly Edge[]; sourceRoot: number; idCount: number } {
  const drawing: Drawing = {
    edges: [],
    seen: new Map(),
    lastId: table.nodes.length + 1 + (table.dns.root === 0 ? 0 : table.dns.nodes.length + 1),
  };
  for (const { id, parent, name, words, sources } of [...table.nodes, ...table.dns.nodes]) {
    drawName(drawing, { parent, name, end: { id, words, sourceMask: sourceMask(sources.keys()) } });
  }
  const sourceRoot = drawSources(drawing, table.sources);
  return { edges: drawing.edges, sourceRoot, idCount: drawing.lastId };
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

interface SourceBranch {
  readonly children: Map<string, SourceBranch>;
  sourceClass: number;
}

/** Draws the trie of source executables, where `exact` is the source class; gives its root's id, or 0 where there is no source. */
function drawSources(drawing: Drawing, sources: readonly string[]): number {
  if (sources.length === 0) return 0;
  const root: SourceBranch = { children: new Map(), sourceClass: 0 };
  sources.forEach((source, index) => {
    let branch = root;
    for (const component of source.split('/').filter((part) => part !== '')) {
      const next = branch.children.get(component) ?? { children: new Map(), sourceClass: 0 };
      branch.children.set(component, next);
      branch = next;
    }
    branch.sourceClass = index + 1;
  });
  drawing.lastId += 1;
  const rootId = drawing.lastId;
  drawSourceBranch(drawing, root, rootId);
  return rootId;
}

function drawSourceBranch(drawing: Drawing, branch: SourceBranch, id: number): void {
  for (const [component, child] of branch.children) {
    drawing.lastId += 1;
    const childId = drawing.lastId;
    const words = { ...NO_WORDS, exact: child.sourceClass };
    drawName(drawing, { parent: id, name: utf8(component), end: { id: childId, words, sourceMask: 0n } });
    drawSourceBranch(drawing, child, childId);
  }
}

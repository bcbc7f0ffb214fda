/** A table as the bytes of the kernel's maps: little endian, offsets from the ABI. */
import {
  CLASS,
  LAYOUT,
  NAME_CHUNK,
  SWITCH,
  TABLE_HAS_ARGUMENTS,
  TABLE_HAS_ACCEPT,
  TABLE_HAS_ENDPOINTS,
  TABLE_HAS_EXECNAMES,
  TABLE_HAS_PATTERNS,
  TABLE_HAS_SOURCES,
  TABLE_HAS_SYSCALL_PATHS,
  TABLE_HAS_TERMINAL,
  VERDICT,
} from './abi.ts';
import { block, concatenate } from './bytes.ts';
import { encodeSyscallSet, everySyscall, syscallSets } from './encode-syscalls.ts';
import { edgesOf, sourceMask } from './edges.ts';
import type { Edge } from './edges.ts';
import { encodeArguments } from './encode-arguments.ts';
import type { EncodedArguments } from './encode-arguments.ts';
import { encodeEndpoints } from './encode-endpoints.ts';
import { encodePatterns } from './encode-patterns.ts';
import type { EncodedPatterns } from './encode-patterns.ts';
import type { FlatRules, Table, Words } from './table.ts';

export interface EncodedTable extends EncodedArguments {
  /** One `struct table`. */
  readonly table: Uint8Array;
  /** Another for tasks with a terminal, empty where nothing tells them apart. What follows is of both. */
  readonly terminalTable: Uint8Array;
  /** `nodeCount` × `struct node_key` and as many `struct node`, in the same order; likewise below. */
  readonly nodeKeys: Uint8Array;
  readonly nodeValues: Uint8Array;
  readonly nodeCount: number;
  /** Words of a node for one source: `struct source_key` to `struct words`. */
  readonly sourceKeys: Uint8Array;
  readonly sourceWords: Uint8Array;
  readonly sourceCount: number;
  /** Flat rules for one source: `struct source_key` (node is the table's root id) to `struct flat_rules`. */
  readonly flatKeys: Uint8Array;
  readonly flatRules: Uint8Array;
  readonly flatCount: number;
  /** Blocks of addresses: `struct endpoint_key` (root is the table's root id) to `struct endpoint`. */
  readonly endpointKeys: Uint8Array;
  readonly endpoints: Uint8Array;
  readonly endpointCount: number;
  /** `patternCount` chunks, for a run of the kernel's chunks from the one that the table was told. */
  readonly patternChunks: Uint8Array;
  readonly patternCount: number;
  /** Audited or blocked system calls for one source, 0 for any: `struct source_key` (node is the table's root id, or that of a path) to `struct syscall_set`. */
  readonly syscallKeys: Uint8Array;
  readonly syscallSets: Uint8Array;
  readonly syscallCount: number;
  /** How many node ids were used: `nodeBase + 1` up to `nodeBase + idCount`. */
  readonly idCount: number;
  /** How many of these come before those of what holds for tasks with a terminal. */
  readonly ownIdCount: number;
}

/** Where the rest of a table is in the kernel. */
export interface TablePlaces {
  /** The first chunk of its automaton. */
  readonly chunk?: number;
  /** The slot of the table for tasks with a terminal. */
  readonly terminal?: number;
}

/** Encodes a table with node ids from `nodeBase + 1` (the root of the path trie); `nodeBase + idCount` must fit in 32 bits. */
export function encodeTable(table: Table, nodeBase: number, places: TablePlaces = {}): EncodedTable {
  const own = encodeOne(table, nodeBase, places);
  if (table.terminal === undefined) return own;
  const other = encodeOne(table.terminal, nodeBase + own.idCount, places);
  return {
    ...own,
    terminalTable: other.table,
    nodeKeys: concatenate([own.nodeKeys, other.nodeKeys]),
    nodeValues: concatenate([own.nodeValues, other.nodeValues]),
    nodeCount: own.nodeCount + other.nodeCount,
    sourceKeys: concatenate([own.sourceKeys, other.sourceKeys]),
    sourceWords: concatenate([own.sourceWords, other.sourceWords]),
    sourceCount: own.sourceCount + other.sourceCount,
    flatKeys: concatenate([own.flatKeys, other.flatKeys]),
    flatRules: concatenate([own.flatRules, other.flatRules]),
    flatCount: own.flatCount + other.flatCount,
    endpointKeys: concatenate([own.endpointKeys, other.endpointKeys]),
    endpoints: concatenate([own.endpoints, other.endpoints]),
    endpointCount: own.endpointCount + other.endpointCount,
    syscallKeys: concatenate([own.syscallKeys, other.syscallKeys]),
    syscallSets: concatenate([own.syscallSets, other.syscallSets]),
    syscallCount: own.syscallCount + other.syscallCount,
    argumentKeys: concatenate([own.argumentKeys, other.argumentKeys]),
    argumentRules: concatenate([own.argumentRules, other.argumentRules]),
    argumentCount: own.argumentCount + other.argumentCount,
    idCount: own.idCount + other.idCount,
  };
}

function encodeOne(table: Table, nodeBase: number, { chunk = 0, terminal = 0 }: TablePlaces): EncodedTable {
  const { edges, sourceRoot, idCount } = edgesOf(table);
  const lengths = lengthsOf(edges);
  const nodes = encodeEdges(edges, { nodeBase, lengths });
  const patterns = encodePatterns(table.patterns);
  const named = [{ id: 1, sources: table.root.sources }, ...table.nodes, ...table.names.nodes, ...table.dns.nodes];
  const sourced = named.flatMap(({ id, sources }) => [...sources].map(([source, words]) => ({ node: nodeBase + id, source, words })));
  const flats = [...table.sourceFlat].map(([source, rules]) => ({ node: nodeBase + 1, source, rules }));
  const calls = syscallSets(table);
  const sourceWords = block(sourced.length, LAYOUT.words.size);
  sourced.forEach(({ words }, i) => putWords(sourceWords.view, i * LAYOUT.words.size, words));
  const flatRules = block(flats.length, LAYOUT.flat_rules.size);
  flats.forEach(({ rules }, i) => putFlat(flatRules.view, i * LAYOUT.flat_rules.size, rules));
  return {
    table: encodeHeader(table, { nodeBase, sourceRoot, lengths, chunk, terminal, patterns }),
    terminalTable: new Uint8Array(),
    ...nodes,
    nodeCount: edges.length,
    sourceKeys: encodeSourceKeys(sourced),
    sourceWords: sourceWords.bytes,
    sourceCount: sourced.length,
    flatKeys: encodeSourceKeys(flats),
    flatRules: flatRules.bytes,
    flatCount: flats.length,
    ...encodeEndpoints(table.endpoints, nodeBase + 1),
    ...encodeArguments(table.arguments, nodeBase),
    patternChunks: patterns.chunks,
    patternCount: patterns.chunkCount,
    syscallKeys: encodeSourceKeys(calls.map(({ node, source }) => ({ node: nodeBase + node, source }))),
    syscallSets: concatenate(calls.map(({ names }) => encodeSyscallSet(names))),
    syscallCount: calls.length,
    idCount,
    ownIdCount: idCount,
  };
}

/** Bytes that are equal exactly for tables that decide alike by the same rules: what a content hash is made of. */
export function canonicalTable(table: Table): Uint8Array {
  return canonicalBytes(encodeTable(table, 0));
}

/** The same for a table that was encoded with 0 as its node base. */
export function canonicalBytes(encoded: EncodedTable): Uint8Array {
  const { nodeKeys, nodeValues, sourceKeys, sourceWords, flatKeys, flatRules, argumentKeys, argumentRules } = encoded;
  const { endpointKeys, endpoints, syscallKeys, syscallSets } = encoded;
  const rules = [nodeKeys, nodeValues, sourceKeys, sourceWords, flatKeys, flatRules, argumentKeys, argumentRules];
  const entries = [...rules, endpointKeys, endpoints, syscallKeys, syscallSets];
  const parts = [encoded.table, encoded.terminalTable, ...entries, encoded.patternChunks];
  const lengths = block(parts.length, 4);
  parts.forEach((part, i) => lengths.view.setUint32(i * 4, part.length, true));
  return concatenate([lengths.bytes, ...parts]);
}

interface Places {
  readonly nodeBase: number;
  readonly sourceRoot: number;
  readonly lengths: Lengths;
  readonly chunk: number;
  readonly terminal: number;
  readonly patterns: EncodedPatterns;
}

function encodeHeader(table: Table, places: Places): Uint8Array {
  const { bytes, view } = block(1, LAYOUT.table.size);
  const at = LAYOUT.table;
  const idOf = (relative: number): number => (relative === 0 ? 0 : places.nodeBase + relative);
  const { patterns } = places;
  view.setBigUint64(at.top + LAYOUT.node.source_mask, sourceMask(table.root.sources.keys()), true);
  view.setUint32(at.top + LAYOUT.node.id, idOf(1), true);
  view.setUint32(at.top + LAYOUT.node.lengths, places.lengths.get(1) ?? 0, true);
  putWords(view, at.top + LAYOUT.node.words, table.root.words);
  view.setUint32(at.source_root, idOf(places.sourceRoot), true);
  view.setUint32(at.defaults, encodeDefaults(table), true);
  view.setUint32(at.flags, encodeFlags(table), true);
  view.setUint32(at.source_lengths, places.lengths.get(places.sourceRoot) ?? 0, true);
  putFlat(view, at.any, table.flat);
  view.setUint32(at.dns_root, idOf(table.dns.root), true);
  view.setUint32(at.dns_unreadable, VERDICT[table.dns.unreadable], true);
  view.setUint32(at.terminal, table.terminal === undefined ? 0 : places.terminal, true);
  view.setUint32(at.execname_root, idOf(table.names.root), true);
  view.setUint32(at.pattern_chunk, patterns.chunkCount === 0 ? 0 : places.chunk, true);
  view.setUint32(at.pattern_verdicts, patterns.verdicts, true);
  view.setUint16(at.pattern_chunks, patterns.chunkCount, true);
  view.setUint16(at.pattern_stride, patterns.stride, true);
  putWords(view, at.source_top, table.sources.root);
  view.setUint32(at.syscall_paths, idOf(table.syscallPaths.root), true);
  view.setBigUint64(at.switches, table.switches, true);
  bytes.set(encodeSyscallSet(everySyscall(table)), at.syscalls);
  return bytes;
}

function encodeDefaults({ defaults }: Table): number {
  return (
    (VERDICT[defaults.process] << (CLASS.process * 2)) |
    (VERDICT[defaults.file] << (CLASS.file * 2)) |
    (VERDICT[defaults.network] << (CLASS.network * 2)) |
    (VERDICT[defaults.capabilities] << (CLASS.capabilities * 2)) |
    (VERDICT[defaults.dns] << (CLASS.dns * 2))
  );
}

/** A bit for each class that has rules, so that a hook with nothing to say returns at once. */
function encodeFlags(table: Table): number {
  const rules = table.policies.flatMap((policy) => policy.rules);
  const sections = new Set(rules.filter((rule) => rule.section !== 'syscalls' || rule.on === undefined).map(({ section }) => section));
  const classes = [...sections].reduce((flags, section) => flags | (1 << CLASS[section]), 0);
  const marks = [
    [table.sources.classes > 0, TABLE_HAS_SOURCES],
    [table.names.root !== 0, TABLE_HAS_EXECNAMES],
    [table.patterns !== undefined, TABLE_HAS_PATTERNS],
    [table.terminal !== undefined, TABLE_HAS_TERMINAL],
    [table.endpoints.length > 0, TABLE_HAS_ENDPOINTS],
    [table.endpoints.some(({ entries }) => entries.some(({ operations }) => operations.includes('accept'))), TABLE_HAS_ACCEPT],
    [table.syscallPaths.root !== 0, TABLE_HAS_SYSCALL_PATHS],
    // mounts and tracing may be refused without a rule that says so
    [[SWITCH.mounts, SWITCH.ptrace].some((which) => ((table.switches >> BigInt(which * 2)) & 3n) !== 0n), 1 << CLASS.hardening],
    [table.arguments.places.length > 0, TABLE_HAS_ARGUMENTS],
  ] as const;
  return marks.reduce((flags, [has, flag]) => (has ? flags | flag : flags), classes);
}

/** By node: a bit for each length (modulo 32) that an edge from it has, so that the kernel need not look for others. */
type Lengths = ReadonlyMap<number, number>;

function lengthsOf(edges: readonly Edge[]): Lengths {
  const lengths = new Map<number, number>();
  for (const { parent, bytesLeft } of edges) lengths.set(parent, ((lengths.get(parent) ?? 0) | (1 << (bytesLeft % 32))) >>> 0);
  return lengths;
}

function encodeEdges(
  edges: readonly Edge[],
  { nodeBase, lengths }: { nodeBase: number; lengths: Lengths },
): { nodeKeys: Uint8Array; nodeValues: Uint8Array } {
  const keys = block(edges.length, LAYOUT.node_key.size);
  const values = block(edges.length, LAYOUT.node.size);
  edges.forEach((edge, i) => {
    const key = i * LAYOUT.node_key.size;
    keys.view.setUint32(key + LAYOUT.node_key.node, nodeBase + edge.parent, true);
    keys.view.setUint32(key + LAYOUT.node_key.len, edge.bytesLeft, true);
    keys.bytes.set(edge.chunk.subarray(0, NAME_CHUNK), key + LAYOUT.node_key.name);
    const value = i * LAYOUT.node.size;
    values.view.setBigUint64(value + LAYOUT.node.source_mask, edge.sourceMask, true);
    values.view.setUint32(value + LAYOUT.node.id, nodeBase + edge.id, true);
    values.view.setUint32(value + LAYOUT.node.lengths, lengths.get(edge.id) ?? 0, true);
    putWords(values.view, value + LAYOUT.node.words, edge.words);
  });
  return { nodeKeys: keys.bytes, nodeValues: values.bytes };
}

function encodeSourceKeys(keys: readonly { node: number; source: number }[]): Uint8Array {
  const { bytes, view } = block(keys.length, LAYOUT.source_key.size);
  keys.forEach(({ node, source }, i) => {
    view.setUint32(i * LAYOUT.source_key.size + LAYOUT.source_key.node, node, true);
    view.setUint32(i * LAYOUT.source_key.size + LAYOUT.source_key.source, source, true);
  });
  return bytes;
}

function putWords(view: DataView, offset: number, words: Words): void {
  view.setUint16(offset + LAYOUT.words.exact, words.exact, true);
  view.setUint16(offset + LAYOUT.words.child, words.child, true);
  view.setUint16(offset + LAYOUT.words.deep, words.deep, true);
}

function putFlat(view: DataView, offset: number, rules: FlatRules): void {
  (['allow', 'audit', 'block'] as const).forEach((verdict, i) => {
    view.setBigUint64(offset + LAYOUT.flat_rules.capability + i * 8, rules.capability[verdict], true);
    view.setUint32(offset + LAYOUT.flat_rules.network + i * 4, rules.network[verdict], true);
  });
  view.setUint32(offset + LAYOUT.flat_rules.reachable, rules.reachable, true);
}

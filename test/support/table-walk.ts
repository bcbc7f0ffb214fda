/**
 * The kernel's algorithm over the bytes of an encoded table, for tests: what bpf/match.h does, with plain maps instead of BPF's. It reads
 * the bytes as bpf/abi.h lays them out and shares no code with the encoder.
 */
import type { Access, EncodedTable } from '@parapet/policy';
import { carriedBy, loadBlocks, searchBlocks } from './endpoint-walk.ts';
import type { EndpointBlock } from './endpoint-walk.ts';
import { loadSwitches, walkSwitch, walkSyscall } from './switch-walk.ts';
import type { SwitchMaps } from './switch-walk.ts';

export interface WalkResult {
  /** 0 none, 1 allow, 2 audit, 3 block. */
  readonly verdict: number;
  /** As `enum site`. */
  readonly site: number;
  readonly node: number;
  readonly source: number;
}

interface PatternCells {
  readonly cells: Uint16Array;
  readonly verdicts: number;
  readonly stride: number;
}

interface Ranked extends WalkResult {
  readonly rank: number;
}

interface Node {
  readonly mask: bigint;
  readonly id: number;
  readonly words: readonly [number, number, number];
}

export interface KernelMaps {
  readonly top: Node;
  readonly sourceRoot: number;
  readonly sourceTop: readonly [number, number, number];
  readonly defaults: number;
  readonly flags: number;
  readonly any: DataView;
  readonly dnsRoot: number;
  readonly whole: SwitchMaps;
  readonly nodes: ReadonlyMap<string, Node>;
  readonly nodeSources: ReadonlyMap<string, readonly [number, number, number]>;
  readonly flat: ReadonlyMap<string, DataView>;
  readonly blocks: readonly EndpointBlock[];
  readonly execnameRoot: number;
  readonly patterns: PatternCells;
}

/** Fills maps from the bytes, as the kernel adapter does. A key that is there twice is an error: the kernel would keep only one value. */
export function loadMaps(encoded: EncodedTable): KernelMaps {
  const table = viewOf(encoded.table, 0, 272);
  return {
    top: nodeAt(encoded.table, 0),
    sourceRoot: table.getUint32(24, true),
    sourceTop: wordsAt(encoded.table, 104),
    defaults: table.getUint32(28, true),
    flags: table.getUint32(32, true),
    any: viewOf(encoded.table, 40, 40),
    dnsRoot: table.getUint32(80, true),
    execnameRoot: table.getUint32(88, true),
    patterns: {
      cells: new Uint16Array(encoded.patternChunks.slice().buffer),
      verdicts: table.getUint32(96, true),
      stride: table.getUint16(102, true),
    },
    whole: loadSwitches(encoded, nodeAt(encoded.table, 0).id),
    nodes: fill(encoded.nodeCount, (i) => [keyText(encoded.nodeKeys, i * 32, 32), nodeAt(encoded.nodeValues, i * 24)]),
    nodeSources: fill(encoded.sourceCount, (i) => [keyText(encoded.sourceKeys, i * 8, 8), wordsAt(encoded.sourceWords, i * 8)]),
    flat: fill(encoded.flatCount, (i) => [keyText(encoded.flatKeys, i * 8, 8), viewOf(encoded.flatRules, i * 40, 40)]),
    blocks: loadBlocks(encoded),
  };
}

/** The kernel's answer to an access. */
export function walk(maps: KernelMaps, access: Access): WalkResult {
  const source = sourceClass(maps, access.source);
  if (access.type === 'path') {
    const op = { exec: 0, read: 1, write: 2, move: 3 }[access.operation];
    const at = { path: access.path, shift: op * 4 + (access.owner ? 0 : 2), source };
    const offers = [walkPath(maps, at), ...(op === 0 ? [walkName(maps, at)] : []), runAutomaton(maps, { ...at, op })];
    const found = offers.reduce((best, offer) => (outranks(offer, best) ? offer : best));
    return found.verdict === 0 && op !== 3 ? fallBack(maps, op === 0 ? 0 : 1) : found;
  }
  if (access.type === 'syscall') return walkSyscall(maps.whole, { syscall: access.syscall, source });
  if (access.type === 'switch') return walkSwitch(maps.whole, access.switch);
  if (access.type === 'network') {
    const found = walkEndpoints(maps, { access, source });
    if (found !== undefined) return found;
  }
  if (access.type === 'dns') return walkDomain(maps, { name: access.name, source });
  return walkFlat(maps, access, source);
}

function walkFlat(maps: KernelMaps, access: Extract<Access, { type: 'network' | 'capability' }>, source: number): WalkResult {
  const isNetwork = access.type === 'network';
  const bits = isNetwork ? netNames(access) : 1n << BigInt(access.capability);
  const own = source === 0 ? undefined : maps.flat.get(pairText(maps.top.id, source));
  const sourced = own === undefined ? 0 : flatVerdict(own, { isNetwork, bits });
  if (sourced !== 0) return { verdict: sourced, site: 4, node: maps.top.id, source };
  const general = flatVerdict(maps.any, { isNetwork, bits });
  return general === 0 ? fallBack(maps, isNetwork ? 2 : 3) : { verdict: general, site: 4, node: maps.top.id, source: 0 };
}

/** What is said about the address; or, where there is none, whether the socket is let through to any. */
function walkEndpoints(
  maps: KernelMaps,
  { access, source }: { access: Extract<Access, { type: 'network' }>; source: number },
): WalkResult | undefined {
  if ((maps.flags & (1 << 13)) === 0 || (access.family !== 2 && access.family !== 10)) return undefined;
  const entry = searchBlocks(maps.blocks, { root: maps.top.id, source, access });
  if (entry !== undefined) return { verdict: entry.verdict, site: 9, node: entry.number, source: entry.source };
  const use = access.endpoint;
  const anonymous = use !== undefined && use.operation === 'bind' && use.address.value === 0n && use.port === 0;
  if (use !== undefined && !anonymous) return undefined;
  const own = source === 0 ? undefined : maps.flat.get(pairText(maps.top.id, source));
  const reachable = maps.any.getUint32(36, true) | (own?.getUint32(36, true) ?? 0);
  return (reachable & carriedBy(access).surely) === 0 ? undefined : { verdict: 1, site: 9, node: 0, source: 0 };
}

function fallBack(maps: KernelMaps, opClass: number): WalkResult {
  return { verdict: (maps.defaults >> (opClass * 2)) & 3, site: 0, node: 0, source: 0 };
}

/** A name is a path from the top-level domain down, tried again without what a search list puts behind it. */
function walkDomain(maps: KernelMaps, { name, source }: { name: string; source: number }): WalkResult {
  const labels = componentsOf(name.toLowerCase().split('.').reverse().join('/'));
  const text = labels.map((label) => new TextDecoder().decode(label));
  const cuts = text[0] !== 'local' || text[1] !== 'cluster' ? [0] : text[2] === 'svc' ? [0, 4, 3, 2] : [0, 2];
  for (const cut of cuts.filter((length) => length < labels.length)) {
    const top = { mask: 0n, id: maps.dnsRoot, words: [0, 0, 0] } as const;
    const found = maps.dnsRoot === 0 ? undefined : walkDown(maps, { components: labels.slice(cut), shift: 6, source, top });
    if (found !== undefined && found.verdict !== 0) return found;
  }
  return fallBack(maps, 4);
}

/** A later offer is taken where it is nearer, or as near and for the source, or as near and stronger. */
function outranks(offer: Ranked, best: Ranked): boolean {
  if (offer.verdict === 0 || best.verdict === 0 || offer.rank !== best.rank) {
    return offer.verdict !== 0 && (best.verdict === 0 || offer.rank > best.rank);
  }
  return (offer.source !== 0) === (best.source !== 0) ? offer.verdict > best.verdict : offer.source !== 0;
}

const NOTHING: Ranked = { verdict: 0, site: 0, node: 0, source: 0, rank: 0 };

function walkName(maps: KernelMaps, at: { path: string; shift: number; source: number }): Ranked {
  const components = componentsOf(at.path);
  const name = components.at(-1);
  const node = name === undefined || maps.execnameRoot === 0 ? undefined : follow(maps, maps.execnameRoot, name);
  if (node === undefined) return NOTHING;
  return { ...saidAt(maps, node, { ...at, remaining: 0 }), site: 7, node: node.id, rank: 2 * components.length - 1 };
}

function runAutomaton({ patterns }: KernelMaps, at: { path: string; shift: number; op: number }): Ranked {
  const { cells, stride } = patterns;
  if (cells.length === 0) return NOTHING;
  const classes = new Uint8Array(cells.buffer, 0, 256);
  const rows = cells.subarray(128);
  let state = 1;
  for (const byte of new TextEncoder().encode(at.path)) state = rows[state * stride + 1 + classes[byte]!]!;
  const accepted = rows[state * stride]!;
  if (accepted === 0) return NOTHING;
  const [word, processDepth, fileDepth] = cells.subarray(patterns.verdicts + (accepted - 1) * 4);
  const depth = at.op === 0 ? processDepth! : fileDepth!;
  return { verdict: (word! >> at.shift) & 3, site: 6, node: accepted, source: 0, rank: 2 * depth + 1 };
}

/** What a node says for a source, else for any. */
function saidAt(
  maps: KernelMaps,
  node: Node,
  at: { remaining: number; shift: number; source: number },
): { verdict: number; source: number } {
  if (at.source !== 0 && ((node.mask >> BigInt(at.source % 64)) & 1n) === 1n) {
    const own = ((maps.nodeSources.get(pairText(node.id, at.source))?.[at.remaining] ?? 0) >> at.shift) & 3;
    if (own !== 0) return { verdict: own, source: at.source };
  }
  return { verdict: (node.words[at.remaining]! >> at.shift) & 3, source: 0 };
}

function walkPath(maps: KernelMaps, { path, ...at }: { path: string; shift: number; source: number }): Ranked {
  return walkDown(maps, { ...at, components: componentsOf(path), top: maps.top });
}

function walkDown(maps: KernelMaps, at: { components: readonly Uint8Array[]; shift: number; source: number; top: Node }): Ranked {
  const { components } = at;
  let best = NOTHING;
  let node: Node | undefined = at.top;
  for (let i = 0; node !== undefined; i += 1) {
    const remaining = Math.min(components.length - i, 2);
    const said = saidAt(maps, node, { ...at, remaining });
    if (said.verdict !== 0) best = { ...said, site: remaining + 1, node: node.id, rank: 2 * i };
    const next = components[i];
    node = next === undefined ? undefined : follow(maps, node.id, next);
  }
  return best;
}

function follow(maps: KernelMaps, from: number, name: Uint8Array): Node | undefined {
  let id = from;
  for (let offset = 0; ; offset += 24) {
    const key = new Uint8Array(32);
    const view = new DataView(key.buffer);
    view.setUint32(0, id, true);
    view.setUint32(4, name.length - offset, true);
    key.set(name.subarray(offset, offset + 24), 8);
    const node = maps.nodes.get(keyText(key, 0, 32));
    if (node === undefined || offset + 24 >= name.length) return node;
    id = node.id;
  }
}

function sourceClass(maps: KernelMaps, source: string): number {
  if (maps.sourceRoot === 0) return 0;
  const components = componentsOf(source);
  let node: Node = { mask: 0n, id: maps.sourceRoot, words: maps.sourceTop };
  let found = 0;
  for (let i = 0; ; i += 1) {
    found = node.words[Math.min(components.length - i, 2)]!;
    const next = components[i];
    const below = next === undefined ? undefined : follow(maps, node.id, next);
    if (below === undefined) return found;
    node = below;
  }
}

function flatVerdict(rules: DataView, { isNetwork, bits }: { isNetwork: boolean; bits: bigint }): number {
  for (const verdict of [3, 2, 1]) {
    const mask = isNetwork ? BigInt(rules.getUint32(24 + (verdict - 1) * 4, true)) : rules.getBigUint64((verdict - 1) * 8, true);
    if ((mask & bits) !== 0n) return verdict;
  }
  return 0;
}

/** `network_names` of bpf/match.h. */
function netNames({ family, socketType, protocol }: { family: number; socketType: number; protocol: number }): bigint {
  let names = 1n << 12n;
  const name = (bit: number, has: boolean): void => {
    if (has) names |= 1n << BigInt(bit);
  };
  if (family === 2 || family === 10) {
    let carried = protocol;
    if (protocol === 0 && socketType === 1) carried = 6;
    if (protocol === 0 && socketType === 2) carried = 17;
    if (protocol === 0 && socketType === 5) carried = 132;
    name(0, carried === 6 || carried === 262);
    name(1, carried === 17);
    name(2, carried === 1 && family === 2);
    name(3, carried === 58 && family === 10);
    name(4, carried === 132);
  }
  name(4 + socketType, socketType >= 1 && socketType <= 6 && family !== 16);
  name(11, family === 17 || socketType === 10);
  return names;
}

function componentsOf(path: string): Uint8Array[] {
  return path
    .split('/')
    .filter((component) => component !== '')
    .map((component) => new TextEncoder().encode(component));
}

function nodeAt(bytes: Uint8Array, offset: number): Node {
  const view = viewOf(bytes, offset, 24);
  return { mask: view.getBigUint64(0, true), id: view.getUint32(8, true), words: wordsAt(bytes, offset + 16) };
}

function wordsAt(bytes: Uint8Array, offset: number): readonly [number, number, number] {
  const view = viewOf(bytes, offset, 8);
  return [view.getUint16(0, true), view.getUint16(2, true), view.getUint16(4, true)];
}

function pairText(node: number, source: number): string {
  const key = new Uint8Array(8);
  new DataView(key.buffer).setUint32(0, node, true);
  new DataView(key.buffer).setUint32(4, source, true);
  return keyText(key, 0, 8);
}

function keyText(bytes: Uint8Array, offset: number, size: number): string {
  return String.fromCharCode(...bytes.subarray(offset, offset + size));
}

function viewOf(bytes: Uint8Array, offset: number, size: number): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset + offset, size);
}

function fill<Value>(count: number, entry: (index: number) => [string, Value]): Map<string, Value> {
  const map = new Map<string, Value>();
  for (let i = 0; i < count; i += 1) {
    const [key, value] = entry(i);
    if (map.has(key)) throw new Error(`entry ${i} has the key of another`);
    map.set(key, value);
  }
  return map;
}

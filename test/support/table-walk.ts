/**
 * The kernel's algorithm over the bytes of an encoded table, for tests: what bpf/match.h does, with plain maps instead of BPF's. It reads
 * the bytes as bpf/abi.h lays them out and shares no code with the encoder.
 */
import type { Access, EncodedTable } from '@parapet/policy';
import { loadArguments, walkArguments } from './argument-walk.ts';
import type { ArgumentRules } from './argument-walk.ts';
import { carriedBy, loadBlocks, searchBlocks } from './endpoint-walk.ts';
import type { EndpointBlock } from './endpoint-walk.ts';
import { allowingNetNames, netNames } from './net-names.ts';
import { runPatterns } from './pattern-walk.ts';
import type { PatternCells } from './pattern-walk.ts';
import { walkCall } from './call-walk.ts';
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
  readonly callRoot: number;
  readonly whole: SwitchMaps;
  readonly nodes: ReadonlyMap<string, Node>;
  readonly nodeSources: ReadonlyMap<string, readonly [number, number, number]>;
  readonly flat: ReadonlyMap<string, DataView>;
  readonly blocks: readonly EndpointBlock[];
  readonly execnameRoot: number;
  readonly patterns: PatternCells;
  readonly arguments: ArgumentRules;
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
    callRoot: table.getUint32(116, true),
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
    arguments: loadArguments(encoded),
  };
}

/** The kernel's answer to an access. */
export function walk(maps: KernelMaps, access: Access): WalkResult {
  const source = sourceClass(maps, access.source);
  if (access.type === 'path') return judgePath(maps, access, source);
  if (access.type === 'syscall' && access.path !== undefined) return walkCall(maps, { ...access, path: access.path }, source);
  if (access.type === 'syscall') return walkSyscall(maps.whole, { syscall: access.syscall, source });
  if (access.type === 'switch') return walkSwitch(maps.whole, access.switch);
  const found = access.type === 'network' ? walkEndpoints(maps, { access, source }) : undefined;
  if (found !== undefined) return found;
  return access.type === 'dns' ? walkDomain(maps, { name: access.name, source }) : walkFlat(maps, { access, source });
}

type FlatAccess = Extract<Access, { type: 'network' | 'capability' }>;

/** What the rules without a path say: those for the source first. */
function walkFlat(maps: KernelMaps, { access, source }: { access: FlatAccess; source: number }): WalkResult {
  const isNetwork = access.type === 'network';
  const bits = isNetwork ? netNames(access) : 1n << BigInt(access.capability);
  const own = source === 0 ? undefined : maps.flat.get(pairText(maps.top.id, source));
  const sourced = own === undefined ? 0 : flatVerdict(own, { isNetwork, bits });
  if (sourced !== 0) return { verdict: sourced, site: 4, node: maps.top.id, source };
  const general = flatVerdict(maps.any, { isNetwork, bits });
  return general === 0 ? fallBack(maps, isNetwork ? 2 : 3) : { verdict: general, site: 4, node: maps.top.id, source: 0 };
}

function judgePath(maps: KernelMaps, access: Extract<Access, { type: 'path' }>, source: number): WalkResult {
  const op = { exec: 0, read: 1, write: 2, move: 3 }[access.operation];
  const at = { path: access.path, shift: op * 4 + (access.owner ? 0 : 2), source };
  const named = [walkPath(maps, at), ...(op === 0 ? [walkName(maps, at)] : [])].reduce((best, offer) =>
    outranks(offer, best) ? offer : best,
  );
  const pattern = runAutomaton(maps, { ...at, op });
  const found = outranks(pattern, named) ? pattern : named;
  const own = op === 0 && (named.site === 1 || named.site === 7) && (found === named || pattern.rank === named.rank);
  const has = (list: number, argument: Uint8Array): boolean => follow(maps, list, argument) !== undefined;
  const argued = own ? walkArguments(maps.arguments, { ...named, owner: access.owner, given: access.arguments ?? [], has }) : undefined;
  if (argued !== undefined && argued.verdict > found.verdict) {
    return { verdict: argued.verdict, site: 12, node: argued.list, source: named.source };
  }
  return found.verdict === 0 && op !== 3 ? fallBack(maps, op === 0 ? 0 : 1) : found;
}

/** What is said about the address; or, where there is none, whether the socket is let through to any. */
function walkEndpoints(
  maps: KernelMaps,
  { access, source }: { access: Extract<Access, { type: 'network' }>; source: number },
): WalkResult | undefined {
  if ((maps.flags & (1 << 13)) === 0 || ![2, 10, 43].includes(access.family)) return undefined;
  const entry = searchBlocks(maps.blocks, { root: maps.top.id, source, access });
  if (entry !== undefined) return { verdict: entry.verdict, site: 9, node: entry.number, source: entry.source };
  const use = access.endpoint;
  const anonymous = use !== undefined && use.operation === 'bind' && use.address.value === 0n && use.port === 0;
  if (use !== undefined && !anonymous) return undefined;
  const own = source === 0 ? undefined : maps.flat.get(pairText(maps.top.id, source));
  const reachable = maps.any.getUint32(36, true) | (own?.getUint32(36, true) ?? 0);
  return (reachable & carriedBy(access).allowed) === 0 ? undefined : { verdict: 1, site: 9, node: 0, source: 0 };
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
  const found = runPatterns(patterns, at.path);
  if (found === undefined) return NOTHING;
  const depth = at.op === 0 ? found.processDepth : found.fileDepth;
  return { verdict: (found.word >> at.shift) & 3, site: 6, node: found.accepted, source: 0, rank: 2 * depth + 1 };
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

/** The node behind a name, by as many edges as it has chunks. */
export function follow(maps: KernelMaps, from: number, name: Uint8Array): Node | undefined {
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
    if ((mask & (isNetwork && verdict === 1 ? allowingNetNames(bits) : bits)) !== 0n) return verdict;
  }
  return 0;
}

export function componentsOf(path: string): Uint8Array[] {
  const parts = path.split('/').filter((component) => component !== '');
  return parts.map((component) => new TextEncoder().encode(component));
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

const keyText = (bytes: Uint8Array, offset: number, size: number): string => String.fromCharCode(...bytes.subarray(offset, offset + size));

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

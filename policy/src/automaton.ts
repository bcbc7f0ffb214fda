/**
 * Many patterns as one deterministic automaton over bytes: how the kernel matches them, one look-up a byte, however many there are. Bytes
 * that no pattern tells apart share a class. Some patterns need more states than anyone has, so building stops at a limit of its work.
 */
import type { Glob } from './glob.ts';
import { networkOf } from './glob-paths.ts';
import type { Network } from './glob-paths.ts';

export interface Automaton {
  /** The class of each of the 256 bytes. */
  readonly classOf: Uint8Array;
  readonly classes: number;
  /** State 0 is where no pattern can match any more, 1 is the start. */
  readonly states: number;
  /** The next state: `next[state * classes + class]`. */
  readonly next: Uint16Array;
  /** For each state 0, or one more than the index in `accepts` of what matches a path that ends there. */
  readonly accept: Uint16Array;
  /** Sets of patterns by index, each in order. */
  readonly accepts: readonly (readonly number[])[];
}

/** What building may cost. */
export interface BuildLimits {
  readonly states: number;
  /** Cells of `next`, and as many of `accept` as there are states. */
  readonly cells: number;
  /** Goes down as it is spent: one for each step, about 0.1 microseconds. */
  work: number;
}

const DEAD = 0;
const MAX_STATES = 0xffff;
/** What a new state costs in steps. */
const STATE_WORK = 50;

interface Build {
  readonly network: Network;
  readonly limits: BuildLimits;
  /** First byte of each piece: bytes are cut wherever an edge begins or ends. */
  readonly cuts: readonly number[];
  readonly pieceOf: Uint8Array;
  /** Sets of network states in order of their numbers, and these numbers by a hash of the set. */
  readonly sets: (readonly number[])[];
  readonly known: Map<number, number[]>;
  readonly rows: Uint16Array[];
  /** The state after one network state alone, where it was needed before. */
  readonly alone: Int32Array;
  /** When a network state was last met, to take each once. */
  readonly met: Uint32Array;
  turn: number;
}

/** Builds the automaton; undefined when that would go over the limits. The same patterns in the same order give the same automaton. */
export function buildAutomaton(globs: readonly Glob[], limits: BuildLimits): Automaton | undefined {
  const network = networkOf(globs);
  const size = network.edges.length;
  limits.work -= size;
  const build: Build = {
    network,
    limits,
    ...cutBytes(network),
    sets: [[]],
    known: new Map([[hashOf([]), [DEAD]]]),
    rows: [],
    alone: new Int32Array(size).fill(-1),
    met: new Uint32Array(size),
    turn: 0,
  };
  stateOf(build, [0]);
  for (let state = 0; state < build.sets.length; state += 1) {
    build.rows.push(rowOf(build, build.sets[state] ?? []));
    if (isOver(build)) return undefined;
  }
  return compress(build);
}

function isOver({ limits, sets }: Build): boolean {
  return limits.work < 0 || sets.length > Math.min(limits.states, MAX_STATES);
}

function cutBytes(network: Network): { cuts: number[]; pieceOf: Uint8Array } {
  const isCut = new Set([0]);
  for (const edges of network.edges) {
    for (const { bytes } of edges) {
      isCut.add(bytes[0]);
      if (bytes[1] < 0xff) isCut.add(bytes[1] + 1);
    }
  }
  const cuts = [...isCut].sort((a, b) => a - b);
  const pieceOf = new Uint8Array(256);
  for (let byte = 0, piece = -1; byte < 256; byte += 1) {
    if (isCut.has(byte)) piece += 1;
    pieceOf[byte] = piece;
  }
  return { cuts, pieceOf };
}

/** The next state for each piece of bytes. */
function rowOf(build: Build, set: readonly number[]): Uint16Array {
  const { network, cuts, pieceOf, limits } = build;
  const reached: (number[] | undefined)[] = [];
  for (const state of set) {
    for (const { bytes, to } of network.edges[state] ?? []) {
      const last = pieceOf[bytes[1]] ?? 0;
      for (let piece = pieceOf[bytes[0]] ?? 0; piece <= last; piece += 1) {
        const states = reached[piece];
        if (states === undefined) reached[piece] = [to];
        else states.push(to);
        limits.work -= 1;
      }
    }
  }
  const row = new Uint16Array(cuts.length);
  reached.forEach((states, piece) => {
    if (states !== undefined && limits.work >= 0) row[piece] = nextState(build, states);
  });
  return row;
}

function nextState(build: Build, reached: readonly number[]): number {
  const [only] = reached;
  if (reached.length > 1 || only === undefined) return stateOf(build, reached);
  const before = build.alone[only] ?? -1;
  if (before >= 0) return before;
  const state = stateOf(build, reached);
  build.alone[only] = state;
  return state;
}

/** The number of the state for everything that can be reached from these without a byte. */
function stateOf(build: Build, reached: readonly number[]): number {
  const set = closureOf(build, reached);
  const hash = hashOf(set);
  const alike = build.known.get(hash);
  const before = alike?.find((state) => isSame(build.sets[state] ?? [], set));
  if (before !== undefined) return before;
  const state = build.sets.push(set) - 1;
  build.limits.work -= STATE_WORK;
  if (alike === undefined) build.known.set(hash, [state]);
  else alike.push(state);
  return state;
}

/** In order, and without what neither takes a byte nor ends a pattern, which tells no two sets apart. */
function closureOf(build: Build, reached: readonly number[]): readonly number[] {
  const { network, met, limits } = build;
  build.turn += 1;
  const all: number[] = [];
  const meet = (state: number): void => {
    if (met[state] === build.turn) return;
    met[state] = build.turn;
    all.push(state);
  };
  reached.forEach(meet);
  for (const state of all) network.free[state]?.forEach(meet);
  limits.work -= all.length * 2;
  return all.filter((state) => network.edges[state]?.length !== 0 || network.ends.has(state)).sort((a, b) => a - b);
}

function hashOf(numbers: Iterable<number>): number {
  let hash = 0x811c9dc5;
  for (const number of numbers) hash = Math.imul(hash ^ number, 0x01000193) ^ (hash >>> 15);
  return hash;
}

function isSame(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((number, i) => number === b[i]);
}

/** Pieces of bytes that lead to the same state from every state become one class. */
function compress(build: Build): Automaton | undefined {
  const { cuts, rows, pieceOf, limits } = build;
  const columns: { piece: number; hash: number }[] = [];
  const classOfPiece = cuts.map((_, piece) => {
    const hash = hashOf(rows.map((row) => row[piece] ?? DEAD));
    const same = columns.findIndex((column) => column.hash === hash && rows.every((row) => row[piece] === row[column.piece]));
    return same === -1 ? columns.push({ piece, hash }) - 1 : same;
  });
  const classes = columns.length;
  if (rows.length * (classes + 1) > limits.cells) return undefined;
  const next = new Uint16Array(rows.length * classes);
  rows.forEach((row, state) => columns.forEach(({ piece }, i) => (next[state * classes + i] = row[piece] ?? DEAD)));
  const classOf = Uint8Array.from(pieceOf, (piece) => classOfPiece[piece] ?? 0);
  return { classOf, classes, states: rows.length, next, ...acceptsOf(build) };
}

function acceptsOf({ network, sets }: Build): Pick<Automaton, 'accept' | 'accepts'> {
  const known = new Map<string, number>([['', 0]]);
  const accepts: (readonly number[])[] = [];
  const accept = Uint16Array.from(sets, (set) => {
    const patterns = set.map((state) => network.ends.get(state)).filter((index) => index !== undefined);
    const text = patterns.join();
    const before = known.get(text);
    if (before !== undefined) return before;
    accepts.push(patterns);
    known.set(text, accepts.length);
    return accepts.length;
  });
  return { accept, accepts };
}

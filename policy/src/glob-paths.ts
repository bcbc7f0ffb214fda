/** Patterns as one network of states over bytes, nondeterministic: what the automaton of a table is made from. */
import { byteSequences } from './byte-ranges.ts';
import type { ByteRange } from './byte-ranges.ts';
import type { CharacterRange, Glob, GlobPart } from './glob.ts';

export interface Edge {
  readonly bytes: ByteRange;
  readonly to: number;
}

/** State 0 is the start of every pattern. */
export interface Network {
  readonly edges: Edge[][];
  /** Where one may go without a byte. */
  readonly free: number[][];
  /** From the last state of a pattern to its index. */
  readonly ends: ReadonlyMap<number, number>;
}

type Growing = Pick<Network, 'edges' | 'free'>;

/** `*` takes any byte but `/`, also those that are no UTF-8. */
const BUT_SLASH: readonly ByteRange[] = [
  [0x00, 0x2e],
  [0x30, 0xff],
];

export function networkOf(globs: readonly Glob[]): Network {
  const network: Growing = { edges: [], free: [] };
  const start = addState(network);
  const ends = new Map(globs.map((glob, index) => [drawGlob(network, glob, start), index]));
  return { ...network, ends };
}

function addState(network: Growing): number {
  network.free.push([]);
  return network.edges.push([]) - 1;
}

/** Draws a pattern from a state on; gives the state where it ends, which is its own. */
function drawGlob(network: Growing, glob: Glob, from: number): number {
  const start = addState(network);
  network.free[from]?.push(start);
  return glob.reduce((at, part) => drawPart(network, part, at), start);
}

function drawPart(network: Growing, part: GlobPart, from: number): number {
  if (part.type === 'literal') return drawRanges(network, [[part.point, part.point]], from);
  if (part.type === 'class') return drawRanges(network, part.ranges, from);
  const end = addState(network);
  if (part.type === 'choice') {
    for (const option of part.options) network.free[drawGlob(network, option, from)]?.push(end);
    return end;
  }
  network.free[from]?.push(end);
  const taken: readonly ByteRange[] = part.slashes ? [[0x00, 0xff]] : BUT_SLASH;
  for (const bytes of taken) network.edges[end]?.push({ bytes, to: end });
  return end;
}

function drawRanges(network: Growing, ranges: readonly CharacterRange[], from: number): number {
  const end = addState(network);
  for (const sequence of ranges.flatMap((range) => byteSequences(range))) {
    sequence.reduce((at, bytes, i) => {
      const to = i === sequence.length - 1 ? end : addState(network);
      network.edges[at]?.push({ bytes, to });
      return to;
    }, from);
  }
  return end;
}

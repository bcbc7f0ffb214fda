/** An attempt of a repository to get something, and what comes of it. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { ProblemCode } from '@parapet/policy';
import type { SynthLimits } from '../../../reconciler/src/adapters/synth/index.ts';
import type { HostileRepository } from './repository.ts';
import type { World } from './world.ts';

/** Paths to contents; a link says where it leads, a submodule which commit. */
export type Tree = Readonly<Record<string, string | Buffer | { readonly link: string } | { readonly submodule: string }>>;

export interface Attempt {
  /** Ends the sentence "A repository gets nothing by …". */
  readonly title: string;
  /** What the commit holds: files, or a commit that is made by hand. */
  readonly tree: Tree | ((repository: HostileRepository) => string);
  /** Fields of the PolicySource besides its URL and branch, or instead of them. */
  readonly spec?: Readonly<Record<string, unknown>>;
  /** How it is fetched: `file` unless told; over HTTP with a token. */
  readonly over?: 'file' | 'http';
  /** What the server says instead of the truth. */
  readonly server?: (request: IncomingMessage, response: ServerResponse) => void;
  readonly limits?: Partial<SynthLimits>;
  readonly bounds?: Bounds;
  readonly expected: Expected;
}

/** Of the Git source and the run as a whole. */
export interface Bounds {
  readonly files?: number;
  readonly bytes?: number;
  readonly mirror?: number;
  /** Milliseconds for asking and for fetching. */
  readonly patience?: number;
  /** Milliseconds until the run is given up. */
  readonly timeout?: number;
}

/**
 * - `refused`: the first problem, as `main.ts:3 import-refused`, or its code alone; `says` is in its message, `count` how many there are.
 * - `failed`: the world's failure, with its stage.
 * - `made`: nothing but these manifests (matched loosely); `warned` is a warning beside them.
 */
export type Expected =
  | { readonly refused: ProblemCode | `${string} ${ProblemCode}`; readonly says?: string | RegExp; readonly count?: number }
  | { readonly failed: 'resolve' | 'fetch' | 'synth' | 'time'; readonly says?: string | RegExp }
  | { readonly made: readonly unknown[]; readonly warned?: ProblemCode };

export interface Family {
  /** A few words: what is tried to be got, or by what means. */
  readonly title: string;
  attempts(world: World): readonly Attempt[];
}

type Rest = Omit<Attempt, 'title' | 'tree' | 'expected'>;

/** By what a commit holds. */
export function byTree(title: string, tree: Attempt['tree'], { expected, ...rest }: Rest & Pick<Attempt, 'expected'>): Attempt {
  return { title, tree, expected, ...rest };
}

/** By a program of one file. */
export function byProgram(title: string, main: string, rest: Rest & Pick<Attempt, 'expected'>): Attempt {
  return byTree(title, { 'main.ts': main }, rest);
}

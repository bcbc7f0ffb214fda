/** What an attempt is; the tables of attempts/ are lists of them. docs/bypasses.md explains the whole. */

/** Where every attempt has its own copy of the files of files.ts; an overlay, as in a container. */
export const HOME = '/var/tmp/bypass';
export const ACTOR = `${HOME}/bin/actor`;
/** A program, and the one step that it may be told. */
export const TOLD = `${HOME}/bin/told`;
export const MAY_TELL = `open openat ${HOME}/plain`;
/** One name as long as a name can be. */
export const LONG_NAME = 'n'.repeat(255);
/** A directory whose path alone is longer than many a buffer. */
export const LONG_DIRECTORY = `${HOME}/${'a-long-name-of-a-directory/'.repeat(8)}end`;

export type PolicyName =
  | 'block'
  | 'allow'
  | 'sources'
  | 'callers'
  | 'sockets'
  | 'capabilities'
  | 'hardening'
  | 'presets'
  | 'environment'
  | 'text'
  | 'processes'
  | 'endpoints'
  | 'peers'
  | 'names'
  | 'patterns'
  | 'arguments';

export interface Attempt {
  /** What is tried, as a sentence; the only name that it has. */
  readonly name: string;
  readonly family: string;
  readonly policy: PolicyName;
  /** Steps of the actor, inside the container. Without rules every step works; with them one is refused. */
  readonly steps: readonly string[];
  /** Steps before it, by a process that belongs to no container. */
  readonly outside?: readonly string[];
  /** So many levels below the container's cgroup somebody puts the process before its program begins. Default: none. */
  readonly below?: number;
  /** What is done without rules instead, where the same would harm the enforcer: as much to something of the same kind. */
  readonly freely?: readonly string[];
  /** What the refused step says. Default: EACCES. */
  readonly refused?: string;
}

type Row = readonly [name: string, ...steps: string[]];

/** Attempts of one family against one policy, a row each. */
export function attempts(family: string, policy: PolicyName, rows: readonly Row[]): Attempt[] {
  return rows.map(([name, ...steps]) => ({ name, family, policy, steps }));
}

/** The same with steps outside: those before `--`. */
export function assisted(family: string, policy: PolicyName, rows: readonly Row[]): Attempt[] {
  return rows.map(([name, ...words]) => {
    const at = words.indexOf('--');
    return { name, family, policy, outside: words.slice(0, at), steps: words.slice(at + 1) };
  });
}

export function refusedWithEperm(attempt: Attempt): Attempt {
  return { ...attempt, refused: 'EPERM' };
}

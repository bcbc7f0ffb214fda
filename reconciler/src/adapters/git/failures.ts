/** What is said of a repository that can't be read, and of one that has not what is asked for. */
import type { Problem } from '@parapet/policy';
import { plain, shortCommit } from '../../describe.ts';
import { describeRef } from '../../git-ref.ts';
import type { AskedRef } from '../../git-ref.ts';
import type { Stage } from '../../stage-error.ts';
import { StageError } from '../../stage-error.ts';
import { GitFailure } from './command.ts';

/** Git's own words for these are about terminals and rights; whose mistake it is they leave open. */
const REASONS: readonly (readonly [RegExp, string])[] = [
  [/Authentication failed|could not read (Username|Password)|Permission denied \(|Load key /, 'its credentials are missing or wrong'],
  [/Host key verification failed/, 'the key of its server is not the one in known_hosts'],
  [/No user exists for uid/, 'ssh needs an entry in /etc/passwd for the user that we run as'],
  [/Out of memory/, 'its server sends more than there is memory for'],
];

/** The world's failure in the words of one stage; what is one already stays as it is. */
export function stageError(stage: Stage, url: string, error: unknown): StageError {
  if (error instanceof StageError) return error;
  const code = error instanceof GitFailure && error.tooMuch ? 'repository-too-large' : 'repository-unreachable';
  return new StageError(stage, `the repository ${url} can't be read: ${reasonOf(error)}`, { cause: error, code });
}

function reasonOf(error: unknown): string {
  if (error instanceof DOMException && error.name === 'TimeoutError') return 'it did not answer in time';
  const text = plain(error instanceof Error ? error.message : String(error));
  return REASONS.find(([pattern]) => pattern.test(text))?.[1] ?? text;
}

export function tooLarge({ message }: StageError): Problem {
  return problem('repository-too-large', message, 'keep the policies in a repository of their own');
}

export function refNotFound(url: string, ref: AskedRef): Problem {
  return problem('ref-not-found', `${url} has no ${describeRef(ref)}`, 'push it, or name another one');
}

export function noCommit(url: string, ref: AskedRef): Problem {
  return problem('ref-not-found', `what ${url} has as ${describeRef(ref)} is no commit`, 'name another one');
}

export function pathNotFound(commit: string, path: string): Problem {
  return problem('path-not-found', `commit ${shortCommit(commit)} has no folder ${JSON.stringify(path)}`, 'push it, or give another path');
}

function problem(code: Problem['code'], message: string, hint: string): Problem {
  return { code, severity: 'error', place: {}, message, hint };
}

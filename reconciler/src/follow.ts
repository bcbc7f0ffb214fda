/** The loops around the story: ask for commits, carry them out, watch the nodes. */
import type { Problem } from '@parapet/policy';
import { formatProblem } from '@parapet/policy';
import { shortCommit } from './describe.ts';
import type { Observer } from './observe.ts';
import type { Clock } from './ports.ts';
import { reconcile } from './reconcile.ts';
import type { Reconciling, RunResult, StopReason } from './reconcile.ts';
import { StageError } from './stage-error.ts';
import { STOPPED_WORDS, TOPICS } from './status-words.ts';

export interface Following extends Reconciling {
  readonly observer: Observer;
  readonly clock: Clock;
  /** Milliseconds between two questions to the source. */
  readonly interval: number;
  /** Milliseconds between two looks at the nodes' reports. */
  readonly watch: number;
}

/** What a run that ends by itself ends with; the exit code follows from it. */
export interface Ending {
  /** 0 done, 1 the input has problems, 3 the world failed. */
  readonly exit: 0 | 1 | 3;
  readonly problems: readonly Problem[];
  /** What failed in the world, where that is no problem of the catalogue: one sentence. */
  readonly failure?: string;
}

const LONGEST_RETRY = 300_000;
const STOPPED: Ending = { exit: 3, problems: [], failure: 'stopped before the commit was carried out' };

/** One commit, the newest there is. Nodes are looked at once: nothing is left pending that nobody would end. */
export async function once(parts: Following, signal: AbortSignal): Promise<Ending> {
  for (;;) {
    const resolved = await resolve(parts, signal);
    if ('exit' in resolved) return resolved;
    const result = await reconcile(parts, resolved.commit, signal);
    if (result.kind === 'overtaken' && signal.aborted) return STOPPED;
    if (result.kind === 'overtaken') continue;
    if (result.kind === 'applied') parts.observer.applied(result.inventory);
    await parts.observer.look({ final: true });
    return endingOf(result);
  }
}

/** Every commit, until the signal is aborted. A newer commit stops the run of an older one. */
export async function follow(parts: Following, signal: AbortSignal): Promise<Ending> {
  const stopping = new AbortController();
  const all = AbortSignal.any([signal, stopping.signal]);
  const loops = [watchNodes(parts, all), pollSource(parts, all)];
  try {
    // Both end only with the signal or with a bug: a bug in one must not leave the other running.
    await Promise.race(loops);
  } finally {
    stopping.abort('stopping' satisfies StopReason);
    await Promise.allSettled(loops);
    // Whether somebody comes back to what waits for nodes, nobody knows.
    parts.statuses.end({ topics: TOPICS, description: STOPPED_WORDS });
  }
  return { exit: 0, problems: [] };
}

/** One run, from outside. */
interface Running {
  readonly commit: string;
  readonly abort: AbortController;
  done: Promise<void>;
  result?: RunResult;
  /** What `reconcile` rejected with: a bug. */
  bug?: { readonly error: unknown };
  /** When the world's failure was seen to, by the clock; a retry waits from there. */
  retryAt?: number;
}

/** What polling remembers from one round to the next. */
interface Polling {
  running?: Running;
  /** Failed runs of one commit in a row. */
  failures: number;
  /** What was last complained about, so that it is said once. */
  complaint: string;
}

async function pollSource(parts: Following, signal: AbortSignal): Promise<void> {
  const polling: Polling = { failures: 0, complaint: '' };
  try {
    while (!signal.aborted) {
      const resolved = await resolve(parts, signal);
      if (signal.aborted) break;
      complain(parts, polling, resolved);
      if ('commit' in resolved) await pursue(parts, polling, resolved.commit);
      await parts.clock.sleep(parts.interval, signal);
      if (polling.running?.bug !== undefined) throw polling.running.bug.error;
    }
  } finally {
    polling.running?.abort.abort('stopping' satisfies StopReason);
    await polling.running?.done;
  }
}

function complain(parts: Following, polling: Polling, resolved: { readonly commit: string } | Ending): void {
  const text =
    'commit' in resolved ? '' : [...resolved.problems.map(formatProblem), resolved.failure ?? ''].filter((part) => part !== '').join('; ');
  if (text === polling.complaint) return;
  polling.complaint = text;
  if (text === '') parts.log({ level: 'info', stage: 'resolve', message: 'the repository can be read again' });
  else parts.log({ level: 'error', stage: 'resolve', message: `${text}; what is applied stays in force` });
}

/** Starts a run where one is due: for another commit, for one whose run was told to stop, and again after the world's failure. */
async function pursue(parts: Following, polling: Polling, commit: string): Promise<void> {
  const { running } = polling;
  if (running?.commit === commit && running.result?.kind !== 'overtaken') {
    if (running.result?.kind !== 'failed' || !running.result.error.retry) return;
    running.retryAt ??= parts.clock.now() + Math.min(parts.interval * 2 ** Math.min(polling.failures, 20), LONGEST_RETRY);
    if (parts.clock.now() < running.retryAt) return;
    polling.failures += 1;
  } else {
    polling.failures = 0;
    running?.abort.abort({ by: commit } satisfies StopReason);
    await running?.done;
    if (running?.bug !== undefined) throw running.bug.error;
    parts.log({ level: 'info', stage: 'resolve', commit, message: `new commit ${shortCommit(commit)}` });
  }
  polling.running = start(parts, commit);
}

function start(parts: Following, commit: string): Running {
  const abort = new AbortController();
  const running: Running = { commit, abort, done: Promise.resolve() };
  running.done = reconcile(parts, commit, abort.signal).then(
    (result) => {
      running.result = result;
      if (result.kind === 'applied') parts.observer.applied(result.inventory);
    },
    (error: unknown) => {
      running.bug = { error };
    },
  );
  return running;
}

async function watchNodes(parts: Following, signal: AbortSignal): Promise<void> {
  const inventory = await parts.target.inventory();
  if (inventory !== undefined) parts.observer.applied(inventory);
  let complaint = '';
  while (!signal.aborted) {
    try {
      await parts.observer.look();
      complaint = '';
    } catch (error) {
      if (!(error instanceof StageError)) throw error;
      if (error.message !== complaint) parts.log({ level: 'warn', stage: 'report', message: error.message });
      complaint = error.message;
    }
    await parts.clock.sleep(parts.watch, signal);
  }
}

async function resolve(parts: Following, signal: AbortSignal): Promise<{ readonly commit: string } | Ending> {
  try {
    const resolved = await parts.source.resolve(signal);
    return 'commit' in resolved ? resolved : { exit: 1, problems: resolved.problems };
  } catch (error) {
    if (signal.aborted) return STOPPED;
    if (!(error instanceof StageError)) throw error;
    return failureOf(error);
  }
}

function endingOf(result: RunResult): Ending {
  if (result.kind === 'failed') return failureOf(result.error);
  return { exit: result.kind === 'refused' ? 1 : 0, problems: result.problems };
}

function failureOf({ code, message, stage }: StageError): Ending {
  if (code === undefined) return { exit: 3, problems: [], failure: `${stage} failed: ${message}` };
  return { exit: 3, problems: [{ code, severity: 'error', place: {}, message }] };
}

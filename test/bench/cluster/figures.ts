/** Times of many runs, and what a machine takes for what every run is made of: ratios mean the same on a machine with other work, too. */
import { execFile } from 'node:child_process';
import { loadavg } from 'node:os';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** The value that so large a share of the times does not exceed. */
export function quantile(times: readonly number[], share: number): number {
  const sorted = [...times].sort((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil(sorted.length * share) - 1)] ?? Number.NaN;
}

export const median = (times: readonly number[]): number => quantile(times, 0.5);

/** One after another. */
export async function repeat<T>(times: number, work: (run: number) => Promise<T>): Promise<readonly T[]> {
  const results: T[] = [];
  for (let at = 0; at < times; at += 1) results.push(await work(at));
  return results;
}

/** Milliseconds. */
export async function timed(work: () => Promise<unknown>): Promise<number> {
  const started = performance.now();
  await work();
  return performance.now() - started;
}

/** Milliseconds until a program has ended. */
export function timeOf(program: string, words: readonly string[]): Promise<number> {
  return timed(() => run(program, words, { env: { PATH: process.env['PATH'], HOME: '/nonexistent' } }));
}

/** Processes that wanted a processor, over the last minute. */
export const load = (): string => loadavg()[0]!.toFixed(1);

/** Containers that are started for one program, and what it said. For the microVM, as root. */
import * as node from './node.ts';
import { START_IMAGE } from './start-manifests.ts';

const begun = performance.now();
const WEB = ['--label', 'app=web', '--label', 'parapet.dev/namespace=shop'];

export const READ_SECRET = 'if read line < /etc/secret; then echo passed; else echo refused; fi 2> /dev/null';

/** A line of JSON for the test. */
export function fact(name: string, value: unknown): void {
  process.stdout.write(`${JSON.stringify({ fact: name, value, seconds: Math.round((performance.now() - begun) / 100) / 10 })}\n`);
}

export const sh = (script: string): readonly string[] => ['/usr/bin/sh', '-c', script];

/** What a command said, or the last it complained of. */
export function saidBy({ status, out, err }: node.Outcome): string {
  return status === 0 ? out.trim() : `failed: ${err.trim().split('\n').at(-1) ?? ''}`;
}

let names = 0;

/** The name of the container that `start` started last. */
export function lastName(): string {
  return `start${names}`;
}

/** Runs a container of `app=web` to its end; what it printed, or why it could not run. */
export async function start(words: readonly string[], ...options: readonly string[]): Promise<string> {
  names += 1;
  return saidBy(await node.command('ctr', 'run', '--rm', ...WEB, ...options, START_IMAGE.name, `start${names}`, ...words));
}

/** Starts one that goes on. */
export async function startForLong(name: string, ...options: readonly string[]): Promise<void> {
  await startProgram(name, ['/usr/bin/sleep', '1000'], ...options);
}

/** Starts one with a program that goes on. */
export async function startProgram(name: string, words: readonly string[], ...options: readonly string[]): Promise<void> {
  await node.command('ctr', 'run', '--detach', ...WEB, ...options, START_IMAGE.name, name, ...words);
}

/** Executes a program in a container, as `docker exec` does. */
export async function execute(name: string, words: readonly string[]): Promise<string> {
  names += 1;
  return saidBy(await node.command('ctr', 'tasks', 'exec', '--exec-id', `exec${names}`, name, ...words));
}

/** What the parts of the scenario have in common: cgroups, actors in them, and facts about what came of it. */
import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, readFileSync, statSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { compile } from '@parapet/policy';
import type { Policy, Table } from '@parapet/policy';
import type { Enforcer, KernelEvent } from '../../../agent/src/ports.ts';
import { PATIENCE } from '../../support/patience.ts';
import { ACTOR, HOME } from './paths.ts';

export const CGROUPS = '/sys/fs/cgroup';
export const BUILD = path.resolve('bpf/build');
export const run = promisify(execFile);

/** A line for the test: `NAME | WHAT: RESULT`. */
export function fact(name: string, what: string, result: unknown): void {
  process.stdout.write(`${name} | ${what}: ${String(result)}\n`);
}

/** Makes a cgroup; its id. */
export function makeCgroup(name: string): bigint {
  mkdirSync(path.join(CGROUPS, name), { recursive: true });
  return statSync(path.join(CGROUPS, name), { bigint: true }).ino;
}

/** A program in a cgroup. It writes into a file: Node's own pipes are sockets, and what it sends there would be judged. */
export interface Running {
  /** What it has printed so far, by the command. */
  readonly said: () => Map<string, string>;
  readonly ended: Promise<unknown>;
}

let outputs = 0;

/** Starts a program in a cgroup, as a runtime would: the shell enters it, then becomes the program. */
export function start(cgroup: string, program: string, words: readonly string[]): Running {
  outputs += 1;
  const output = `/var/tmp/enforcer-output-${outputs}`;
  const enter = `echo $$ > ${CGROUPS}/${cgroup}/cgroup.procs && exec "$0" "$@" > ${output}`;
  const ended = run('bash', ['-c', enter, program, ...words]).catch(() => undefined);
  const said = (): Map<string, string> => {
    const lines = existsSync(output) ? readFileSync(output, 'utf8').split('\n') : [];
    return new Map(lines.map((line) => [line.slice(0, line.lastIndexOf(': ')), line.slice(line.lastIndexOf(': ') + 2)]));
  };
  return { said, ended };
}

/** Resolves when a program has printed what came of a command. */
export async function whenSaid({ said }: Running, command: string): Promise<void> {
  for (const end = performance.now() + PATIENCE; !said().has(command); await sleep(20))
    if (performance.now() > end) throw new Error(`the actor does not come to: ${command}`);
}

/** Runs an actor in a cgroup to its end. Its lines by command. */
export async function act(cgroup: string, commands: readonly string[]): Promise<Map<string, string>> {
  const { said, ended } = start(cgroup, ACTOR, commands);
  await ended;
  return said();
}

/** What comes of reading one of the files. */
export async function read(cgroup: string, file: string): Promise<string> {
  const command = `read ${HOME}/${file}`;
  return (await act(cgroup, [command])).get(command) ?? 'no line';
}

/** What the kernel is given for some policies. */
export function tableOf(policies: readonly Policy[], posture: 'audit' | 'block' = 'audit'): Table {
  const { table } = compile(policies, { file: posture, network: posture, capabilities: posture });
  if (table === undefined) throw new Error('no table');
  return table;
}

/** The events of an enforcer, as they come. */
export class Events {
  readonly #enforcer: Enforcer;
  readonly #events: KernelEvent[] = [];
  #arrived = 0;

  constructor(enforcer: Enforcer) {
    this.#enforcer = enforcer;
    enforcer.onEvents((some) => {
      this.#events.push(...some);
      for (const { count } of some) this.#arrived += count;
    });
  }

  /** Those since the last call, when everything that the kernel has told or counted so far has arrived. */
  async take(): Promise<KernelEvent[]> {
    for (const end = performance.now() + PATIENCE; performance.now() < end; await sleep(50)) {
      const { events = 0, aggregated = 0 } = this.#enforcer.counters();
      if (this.#arrived === events + aggregated) return this.#events.splice(0);
    }
    throw new Error('not all events of the kernel arrive');
  }
}

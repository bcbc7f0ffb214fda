/** A node as its operator has it: containers through `ctr`, the agent through `parapet`. For the microVM, as root. */
import { execFile, spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdirSync, openSync, readFileSync, writeFileSync } from 'node:fs';
import path from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';
import { agentStatus } from '@parapet/agent';
import type { AgentStatus } from '@parapet/agent';
import { PATIENCE } from '../../support/patience.ts';
import { IMAGE, NODE } from './manifests.ts';
import type { Wanted } from './manifests.ts';

export const POLICIES = '/var/tmp/agent/policies';
export const ALERTS = '/var/tmp/agent/alerts.jsonl';
export const LOG = '/var/tmp/agent/agent.log';
const CONTAINERD_CONFIG = '/run/containerd.toml';

const run = promisify(execFile);

/** What a command came to. */
export interface Outcome {
  readonly status: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs a program to its end, however that is. */
export async function command(program: string, ...words: readonly string[]): Promise<Outcome> {
  try {
    const { stdout, stderr } = await run(program, words);
    return { status: 0, out: stdout, err: stderr };
  } catch (error) {
    const { code, stdout, stderr } = error as { code: unknown; stdout: string; stderr: string };
    if (typeof code !== 'number') throw error;
    return { status: code, out: stdout, err: stderr };
  }
}

/** `parapet agent WORDS…` */
export function parapet(...words: readonly string[]): Promise<Outcome> {
  return command('parapet', 'agent', ...words);
}

/** What `parapet agent wait` comes to once an agent answers, which one that has only just been started may not do for long. */
export async function waitFor(policy: string): Promise<Outcome> {
  for (const end = performance.now() + PATIENCE; ;) {
    const outcome = await parapet('wait', '--policy', policy, '--timeout', `${PATIENCE}ms`);
    if (outcome.status !== 3 || performance.now() > end) return outcome;
  }
}

/** Resolves when a policy is in force, also of an agent that does not answer yet. */
export async function whenEnforced(policy: string): Promise<void> {
  const { status, err } = await waitFor(policy);
  if (status !== 0) throw new Error(`${policy} does not come into force: ${err}`);
}

async function must(program: string, ...words: readonly string[]): Promise<string> {
  const { status, out, err } = await command(program, ...words);
  if (status !== 0) throw new Error(`${program} ${words.join(' ')} ended with ${String(status)}: ${err}`);
  return out;
}

/** Writes files into the policies directory, each at once. */
export function writePolicies(files: Readonly<Record<string, string>>): void {
  for (const [name, text] of Object.entries(files)) {
    const file = path.join(POLICIES, name);
    mkdirSync(path.dirname(file), { recursive: true });
    writeFileSync(file, text);
  }
}

const RUN = ['agent', 'run', '--policies', POLICIES, '--node', NODE, '--default-posture', 'block'];

/** Starts an agent; it goes on until it is stopped or killed. */
export function startAgent(...flags: readonly string[]): ChildProcess {
  const log = openSync(LOG, 'a');
  return spawn('parapet', [...RUN, '--alerts', ALERTS, ...flags], { stdio: ['ignore', log, log] });
}

/** The same for an agent whose alerts and log go to pipes that nobody reads any more. */
export function startUnheardAgent(): ChildProcess {
  const agent = spawn('parapet', RUN, { stdio: ['ignore', 'pipe', 'pipe'] });
  agent.stdout.destroy();
  agent.stderr.destroy();
  return agent;
}

/** The exit code of a process that was started here, when it has ended. */
export function ended(child: ChildProcess): Promise<number | string | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode ?? child.signalCode);
  return new Promise((resolve) => child.once('exit', (code, signal) => resolve(code ?? signal)));
}

export async function runContainer({ name, runtimeNamespace, labels }: Wanted): Promise<void> {
  const said = labels.flatMap((label) => ['--label', label]);
  await must('ctr', '-n', runtimeNamespace, 'run', '--detach', ...said, IMAGE.name, name);
}

let executions = 0;

/** Tries accesses in a container, each `read PATH` or `exec PATH`; what came of them, in order. */
export async function attempt({ name, runtimeNamespace }: Wanted, ...accesses: readonly string[]): Promise<readonly string[]> {
  const lines = accesses.map((access) => {
    const [what, file] = access.split(' ') as [string, string];
    const test = what === 'read' ? `{ read line < ${file}; }` : `${file}`;
    return `if ${test} > /dev/null 2>&1; then echo passed; else echo refused; fi`;
  });
  executions += 1;
  const words = ['tasks', 'exec', '--exec-id', `try${executions}`, name, '/bin/sh', '-c', lines.join('\n')];
  return (await must('ctr', '-n', runtimeNamespace, ...words)).trim().split('\n');
}

/** Tries a file of the node itself. */
export function attemptOnNode(file: string): string {
  try {
    readFileSync(file);
    return 'passed';
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EACCES' ? 'refused' : String(error);
  }
}

/** The lines that a container's own loop has written so far. */
export class Probe {
  readonly #file: string;

  constructor(pid: number, name = 'probe') {
    this.#file = `/proc/${pid}/root/tmp/${name}`;
  }

  lines(): readonly string[] {
    return readFileSync(this.#file, 'utf8').trim().split('\n');
  }

  /** What the next few times come to, all different answers. */
  async next(): Promise<string> {
    const before = this.lines().length;
    await eventually('the probe goes on', () => this.lines().length > before + 3);
    return [...new Set(this.lines().slice(before + 1))].join(' and ');
  }
}

/** The first process of a container. */
export async function pidOf({ name, runtimeNamespace }: Wanted): Promise<number> {
  const rows = (await must('ctr', '-n', runtimeNamespace, 'tasks', 'list')).split('\n');
  return Number(rows.map((row) => row.split(/\s+/)).find(([id]) => id === name)?.[1]);
}

/** Stops the machine's containerd in order; containers run on. */
export async function stopContainerd(): Promise<void> {
  const pid = Number((await must('pgrep', '-x', 'containerd')).trim());
  process.kill(pid, 'SIGTERM');
  await eventually('containerd has ended', async () => (await command('pgrep', '-x', 'containerd')).status !== 0);
}

export async function startContainerd(): Promise<void> {
  const log = openSync('/run/containerd.log', 'a');
  spawn('containerd', ['--config', CONTAINERD_CONFIG], { stdio: ['ignore', log, log], detached: true }).unref();
  await eventually('containerd answers', async () => (await command('ctr', '--connect-timeout', '1s', 'version')).status === 0);
}

/** Alerts so far, as they are written. */
export function alerts(): readonly Record<string, unknown>[] {
  const lines = readFileSync(ALERTS, 'utf8').split('\n').slice(0, -1);
  return lines.map((line) => JSON.parse(line) as Record<string, unknown>);
}

/** Resolves when the agent's status is as it should be, with that status. */
export async function statusWhen(what: string, holds: (status: AgentStatus) => boolean): Promise<AgentStatus> {
  let last: AgentStatus | undefined;
  await eventually(what, async () => {
    last = await agentStatus().catch(() => undefined);
    return last !== undefined && holds(last);
  });
  if (last === undefined) throw new Error(what);
  return last;
}

export async function eventually(what: string, holds: () => boolean | Promise<boolean>): Promise<void> {
  for (const end = performance.now() + PATIENCE; !(await holds()); await sleep(100)) {
    if (performance.now() > end) throw new Error(`not within ${PATIENCE / 1000} s: ${what}\n${readFileSync(LOG, 'utf8')}`);
  }
}

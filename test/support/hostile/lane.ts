/** Starts the reconciler under attack, gives it jobs one after another, and watches it and all that it starts from outside. */
import { fork } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Account, Job } from './account.ts';
import { fillStore } from './store.ts';

const PAGE = 4096;
/** Most that is kept of what it logs for one job. */
const MOST_LOGGED = 4 * 1024 * 1024;

export interface Watched {
  readonly account: Account;
  readonly logged: string;
  /** Processes that were still there some time after the end, and files where none may be. */
  readonly left: readonly string[];
  /** Most memory of everything that it started, in bytes; CPU seconds of it. */
  readonly childMemory: number;
  readonly childCpu: number;
}

const secret = (): string => `canary-${randomBytes(12).toString('hex')}`;

export class Lane {
  /** What it gets into repositories with. */
  readonly token = secret();
  /** What it holds in its environment and must not tell. */
  readonly secrets = [this.token, secret()];
  readonly #home = mkdtempSync(join(tmpdir(), 'parapet-lane-'));
  readonly #store = mkdtempSync(join(tmpdir(), 'parapet-lane-store-'));
  readonly #child: ChildProcess;
  #logged = '';
  #ended: string | undefined;

  /** `manner`: what else is in its environment, for instance a time zone. */
  constructor(manner: Readonly<Record<string, string>>) {
    const [cwd, tmp] = ['cwd', 'tmp'].map((name) => join(this.#home, name)) as [string, string];
    for (const folder of [cwd, tmp]) mkdirSync(folder);
    fillStore(this.#store);
    const known = { PATH: process.env['PATH'] ?? '', HOME: cwd, TMPDIR: tmp, PARAPET_PACKAGES: this.#store };
    const environment = { ...known, ...manner, PARAPET_GIT_TOKEN: this.token, PARAPET_OTHER_SECRET: this.secrets.at(-1) };
    const execArgv = ['--conditions=source', '--disable-warning=ExperimentalWarning'];
    this.#child = fork(join(import.meta.dirname, 'subject.ts'), [], { cwd, env: environment, execArgv, silent: true });
    for (const stream of [this.#child.stdout, this.#child.stderr])
      stream?.on('data', (chunk: Buffer) => (this.#logged = (this.#logged + chunk.toString('utf8')).slice(-MOST_LOGGED)));
    this.#child.once('exit', (code, signal) => (this.#ended = signal ?? `exit code ${code}`));
  }

  /** Rejects when the reconciler itself ends: that is what no repository may bring about. */
  async run(job: Job): Promise<Watched> {
    const { pid } = this.#child;
    if (pid === undefined || this.#ended !== undefined) throw new Error(`the reconciler has ended: ${this.#ended}\n${this.#logged}`);
    this.#logged = '';
    const seen = new Map<string, Process>();
    let childMemory = 0;
    const look = (): void => {
      const all = below(pid);
      for (const one of all) seen.set(one.id, one);
      childMemory = Math.max(
        childMemory,
        all.reduce((sum, { memory }) => sum + memory, 0),
      );
    };
    const cpu = waitedCpu(pid);
    const watching = setInterval(look, 40);
    try {
      const account = await this.#answer(job);
      look();
      const left = [...(await remaining([...seen.values()])), ...this.#made()];
      return { account, logged: this.#logged, left, childMemory, childCpu: waitedCpu(pid) - cpu };
    } finally {
      clearInterval(watching);
    }
  }

  async close(): Promise<void> {
    if (this.#ended !== undefined) return;
    const gone = new Promise((done) => this.#child.once('exit', done));
    this.#child.disconnect();
    this.#child.kill('SIGTERM');
    await gone;
    for (const folder of [this.#home, this.#store]) rmSync(folder, { recursive: true, force: true });
  }

  /** Files that it made where it must not. */
  #made(): readonly string[] {
    return (readdirSync(this.#home, { recursive: true }) as string[])
      .filter((name) => name.includes('/'))
      .map((name) => `the file ${name}`);
  }

  #answer(job: Job): Promise<Account> {
    return new Promise((resolve, reject) => {
      const ended = (): void => reject(new Error(`the reconciler ended: ${this.#ended}\n${this.#logged.slice(-4000)}`));
      this.#child.once('exit', ended);
      this.#child.once('message', (account) => {
        this.#child.off('exit', ended);
        resolve(account as Account);
      });
      this.#child.send(job);
    });
  }
}

interface Process {
  /** Process id and when it was started: no two processes share that. */
  readonly id: string;
  readonly pid: number;
  readonly memory: number;
  readonly command: string;
}

const read = (file: string): string => {
  try {
    return readFileSync(file, 'latin1');
  } catch {
    return '';
  }
};

/** Fields of `/proc/PID/stat` after the name of the program. */
const statOf = (pid: number): readonly string[] =>
  read(`/proc/${pid}/stat`)
    .replace(/^.*\) /s, '')
    .split(' ');

function processOf(pid: number): Process | undefined {
  const started = statOf(pid)[19];
  if (started === undefined) return undefined;
  const pages = Number(read(`/proc/${pid}/statm`).split(' ')[1] ?? 0);
  return { id: `${pid}/${started}`, pid, memory: pages * PAGE, command: read(`/proc/${pid}/cmdline`).replaceAll('\0', ' ').slice(0, 200) };
}

/** Everything that `pid` started and that is still there. */
function below(pid: number): readonly Process[] {
  let threads: readonly string[] = [];
  try {
    threads = readdirSync(`/proc/${pid}/task`);
  } catch {
    return [];
  }
  const children = threads.flatMap((thread) => read(`/proc/${pid}/task/${thread}/children`).split(' ').filter(Boolean).map(Number));
  return children.flatMap((child) => [processOf(child), ...below(child)]).filter((one) => one !== undefined);
}

/** CPU seconds of the children of `pid` that have ended, and of theirs. */
function waitedCpu(pid: number): number {
  const stat = statOf(pid);
  return (Number(stat[13] ?? 0) + Number(stat[14] ?? 0)) / 100;
}

/** The commands of those that are still there after a while in which they may end. */
async function remaining(processes: readonly Process[]): Promise<readonly string[]> {
  const there = (): readonly Process[] => processes.filter(({ id, pid }) => processOf(pid)?.id === id && statOf(pid)[0] !== 'Z');
  for (let tries = 0; tries < 100 && there().length > 0; tries += 1) await new Promise((done) => setTimeout(done, 50));
  return there().map(({ command }) => command);
}

/** A process that answers once: input by stdin, output by stdout, an empty environment, killed with all it started when it takes too long. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { existsSync } from 'node:fs';
import { StageError } from '../../stage-error.ts';
import { wallMsOf } from './limits.ts';

/** Sets the kernel's limits for a process; part of every Debian. */
export const PRLIMIT = '/usr/bin/prlimit';
const MAX_STDERR = 16 * 1024;

export interface OneShot {
  /** Arguments for Node. */
  readonly args: readonly string[];
  readonly input: readonly Uint8Array[];
  /** Milliseconds of processor time until SIGXCPU, rounded up to seconds; of every process that it starts as well. */
  readonly cpuMs: number;
  /** Milliseconds by the clock on the wall from the end of its input until SIGKILL. */
  readonly wallMs: number;
  /** Bytes of output after which it is killed. */
  readonly outputBytes: number;
  /** Bytes of private memory the kernel lets it write to, where `prlimit` is there to say so. */
  readonly dataBytes: number;
  /** Bytes of its main stack. Default: what this process has. */
  readonly stackBytes?: number;
  /** Descriptors it may have open at one time. */
  readonly openFiles: number;
  readonly signal?: AbortSignal | undefined;
}

export interface OneShotResult {
  /** Why it ended: by itself, or killed for time or output. */
  readonly ended: 'itself' | 'time' | 'output';
  readonly exitCode: number | null;
  readonly exitSignal: NodeJS.Signals | null;
  readonly output: Buffer;
  /** The end of what it wrote to stderr: for people who look for a bug, never for authors. */
  readonly stderr: string;
}

/** Runs Node once. Rejects with a StageError when the process can't be started, and with the signal's reason when aborted. */
export async function runOneShot({ input, ...shot }: OneShot): Promise<OneShotResult> {
  return new OneShotProcess(shot).finish(input);
}

/** One that is started before all of its input is known. Either `finish` or `discard` it. */
export class OneShotProcess {
  readonly #shot: Omit<OneShot, 'input'>;
  readonly #child: ChildProcess;
  readonly #closed: Promise<Pick<OneShotResult, 'exitCode' | 'exitSignal'>>;
  readonly #output: Buffer[] = [];
  readonly #abort = (): void => killGroup(this.#child);
  #size = 0;
  #stderr = '';
  #ended: OneShotResult['ended'] = 'itself';

  constructor(shot: Omit<OneShot, 'input'>) {
    shot.signal?.throwIfAborted();
    this.#shot = shot;
    this.#child = start(shot);
    const { stdin, stdout, stderr } = this.#child;
    stdout?.on('data', (chunk: Buffer) => {
      this.#size += chunk.length;
      if (this.#size > shot.outputBytes) this.#end('output');
      else this.#output.push(chunk);
    });
    stderr?.on('data', (chunk: Buffer) => (this.#stderr = (this.#stderr + chunk.toString('utf8')).slice(-MAX_STDERR)));
    // The process may be gone before it has read everything; how it ended says more than EPIPE.
    stdin?.on('error', () => undefined);
    shot.signal?.addEventListener('abort', this.#abort, { once: true });
    this.#closed = closing(this.#child);
    // Who finishes it is told.
    this.#closed.catch(() => undefined);
  }

  /** Gives it the first part of its input. */
  write(input: readonly Uint8Array[]): void {
    for (const part of input) this.#child.stdin?.write(part);
  }

  /** Gives it the rest; its time on the wall begins. Rejects as `runOneShot` does. */
  async finish(input: readonly Uint8Array[]): Promise<OneShotResult> {
    const timer = setTimeout(() => this.#end('time'), this.#shot.wallMs);
    try {
      this.write(input);
      this.#child.stdin?.end();
      const { exitCode, exitSignal } = await this.#closed;
      this.#shot.signal?.throwIfAborted();
      return { ended: this.#ended, exitCode, exitSignal, output: Buffer.concat(this.#output), stderr: this.#stderr };
    } finally {
      clearTimeout(timer);
      this.#shot.signal?.removeEventListener('abort', this.#abort);
    }
  }

  /** Ends it unfinished. */
  discard(): void {
    this.#shot.signal?.removeEventListener('abort', this.#abort);
    killGroup(this.#child);
  }

  #end(why: OneShotResult['ended']): void {
    this.#ended = why;
    killGroup(this.#child);
  }
}

/** What is said when the clock on the wall ended it, which no program can bring about by itself: it is tried again. */
export function tooBusy(what: string, cpuMs: number): StageError {
  const had = `less than ${cpuMs / 1000} s of processor time in ${wallMsOf(cpuMs) / 1000} s`;
  return new StageError('synth', `this machine is too busy for ${what}: it had ${had}`);
}

function start(shot: Omit<OneShot, 'input'>): ChildProcess {
  const seconds = Math.ceil(shot.cpuMs / 1000);
  // No core, and no file written: neither esbuild nor a program needs one.
  const limits = [`--core=0`, `--fsize=0`, `--nofile=${shot.openFiles}`, `--cpu=${seconds}:${seconds + 1}`, `--data=${shot.dataBytes}`];
  if (shot.stackBytes !== undefined) limits.push(`--stack=${shot.stackBytes}`);
  const limited = existsSync(PRLIMIT);
  const command = limited ? PRLIMIT : process.execPath;
  const args = limited ? [...limits, '--', process.execPath, ...shot.args] : [...shot.args];
  // Its own process group, so that what it started dies with it.
  return spawn(command, args, { cwd: '/', env: {}, detached: true, stdio: ['pipe', 'pipe', 'pipe'] });
}

function closing(child: ChildProcess): Promise<{ exitCode: number | null; exitSignal: NodeJS.Signals | null }> {
  return new Promise((resolve, reject) => {
    child.once('error', (cause) => reject(new StageError('synth', 'the sandbox process cannot be started', { cause })));
    child.once('close', (exitCode, exitSignal) => resolve({ exitCode, exitSignal }));
  });
}

function killGroup(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, 'SIGKILL');
  } catch {
    child.kill('SIGKILL');
  }
}

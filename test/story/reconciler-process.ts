/** `parapet reconcile` as a process of its own, as a user starts it. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { resolve } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const PARAPET = resolve(import.meta.dirname, '../../cli/bin/parapet.js');

export class Reconciler {
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  /** Everything that it printed. */
  output = '';

  constructor(args: readonly string[], env: Readonly<Record<string, string>> = {}) {
    this.#child = spawn(process.execPath, ['--conditions=source', PARAPET, 'reconcile', ...args], {
      env: { PATH: process.env['PATH'] ?? '', ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    for (const stream of [this.#child.stdout, this.#child.stderr]) stream?.on('data', (chunk: Buffer) => (this.output += chunk.toString()));
    this.#ended = new Promise((done) => this.#child.once('close', done));
  }

  /** Its exit code; `null` when a signal ended it. */
  ended(): Promise<number | null> {
    return this.#ended;
  }

  /** Sends a signal and waits for the end; gives the exit code and how long that took, in milliseconds. */
  async stop(signal: 'SIGTERM' | 'SIGKILL' = 'SIGTERM'): Promise<{ readonly code: number | null; readonly took: number }> {
    const before = Date.now();
    this.#child.kill(signal);
    return { code: await this.#ended, took: Date.now() - before };
  }

  /** Waits until `ready` gives something; fails with the process's output after `patience` milliseconds. */
  async until<T>(what: string, ready: () => T | undefined | false, patience = 30_000): Promise<T> {
    for (const deadline = Date.now() + patience; Date.now() < deadline; await delay(20)) {
      const found = ready();
      if (found !== undefined && found !== false) return found;
    }
    throw new Error(`${what} did not happen in ${patience} ms:\n${this.output}`);
  }
}

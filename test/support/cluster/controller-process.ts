/** `parapet controller` as a process of its own, against a control plane of the test's, with exactly the rights that the installation gives. */
import { spawn } from 'node:child_process';
import type { ChildProcess } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { createInterface } from 'node:readline';
import { installObjects } from '../../../reconciler/src/install/install.ts';
import type { ControlPlane } from './control-plane.ts';

const PARAPET = resolve(import.meta.dirname, '../../../cli/bin/parapet.js');
export const HOME = 'parapet-system';
const ACCOUNT = 'parapet-reconciler';
/** What only a cluster with nodes could run. */
const WITHOUT = ['Deployment', 'PodDisruptionBudget'];

export interface LogLine {
  readonly level: string;
  readonly stage: string;
  readonly message: string;
  readonly source?: string;
  readonly commit?: string;
  readonly context?: string;
  readonly state?: string;
}

/** Installs Parapet into the control plane, but for its Deployment; gives the kubeconfig of the reconciler's account. */
export async function install(plane: ControlPlane, options: { readonly flux?: boolean } = {}): Promise<string> {
  if ((await plane.kubectl(['get', 'namespace', HOME])).status !== 0) await plane.must(['create', 'namespace', HOME]);
  const wanted = { namespace: HOME, image: 'parapet:1', sourceNamespaces: [HOME], impersonation: true, flux: options.flux === true };
  await plane.apply(installObjects(wanted).filter(({ kind }) => !WITHOUT.includes(kind)));
  await plane.must(['wait', '--for=condition=Established', 'crd', '--all']);
  return plane.kubeconfig(await plane.token(HOME, ACCOUNT));
}

export class ControllerProcess {
  readonly lines: LogLine[] = [];
  readonly #child: ChildProcess;
  readonly #ended: Promise<number | null>;
  /** What it wrote that was no line of a log. */
  noise = '';

  private constructor(child: ChildProcess) {
    this.#child = child;
    this.#ended = new Promise((done) => child.once('close', (code) => done(code)));
    if (child.stderr === null) throw new Error('no stderr');
    createInterface({ input: child.stderr }).on('line', (line) => {
      try {
        this.lines.push(JSON.parse(line) as LogLine);
      } catch {
        this.noise += `${line}\n`;
      }
    });
  }

  /** `data`: a directory of its own; ports are any that are free. `built`: as it is installed, not from the sources. */
  static start(options: {
    readonly kubeconfig: string;
    readonly data: string;
    readonly name?: string;
    readonly flags?: readonly string[];
    readonly built?: boolean;
  }): ControllerProcess {
    const { kubeconfig, data, name = 'parapet-reconciler-0', flags = [], built = false } = options;
    const where = ['--kubeconfig', kubeconfig, '--namespace', HOME, '--data', data];
    const listen = ['--operations', '127.0.0.1:0', '--webhooks', '127.0.0.1:0'];
    const words = ['--no-warnings', ...(built ? [] : ['--conditions=source']), PARAPET, 'controller', ...where, ...listen, ...flags];
    return new ControllerProcess(
      spawn(process.execPath, words, {
        env: { PATH: process.env['PATH'], POD_NAME: name, HOME: '/nonexistent' },
        stdio: ['ignore', 'ignore', 'pipe'],
        // Its own group, so that what it started goes with it when it is killed.
        detached: true,
      }),
    );
  }

  get pid(): number {
    if (this.#child.pid === undefined) throw new Error('it did not start');
    return this.#child.pid;
  }

  get isRunning(): boolean {
    return this.#child.exitCode === null && this.#child.signalCode === null;
  }

  /** The port of a door, once it is open. */
  async port(door: 'operations' | 'webhooks' | 'artifacts'): Promise<number> {
    const line = await this.line(({ stage, message }) => stage === 'listen' && message.startsWith(`${door} on port `));
    return Number(line.message.split(' ').at(-1));
  }

  /** The first line of the log that is like that. Rejects with the log when none comes. */
  async line(is: (line: LogLine) => boolean, patience = 60_000): Promise<LogLine> {
    for (const end = Date.now() + patience; ;) {
      const found = this.lines.find(is);
      if (found !== undefined) return found;
      if (!this.isRunning || Date.now() > end) throw new Error(`no such line in the log:\n${this.log}`);
      await new Promise((resolve) => setTimeout(resolve, 10));
    }
  }

  get log(): string {
    return [...this.lines.map((line) => JSON.stringify(line)), this.noise].join('\n');
  }

  /** Ends it as a cluster does; gives its exit code. */
  async stop(): Promise<number | null> {
    this.#child.kill('SIGTERM');
    return this.#ended;
  }

  /** Ends it and all that it started, at once. */
  async kill(): Promise<void> {
    try {
      process.kill(-this.pid, 'SIGKILL');
    } catch {
      // It has ended by itself.
    }
    await this.#ended;
  }
}

/** A directory that goes with the test. */
export function scratch(): { readonly path: string; readonly remove: () => void } {
  const path = mkdtempSync(join(tmpdir(), 'parapet-controller-'));
  return { path, remove: () => rmSync(path, { recursive: true, force: true }) };
}

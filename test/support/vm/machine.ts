/** One QEMU process from power-on to its end. */
import { spawn } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { byLine, listen, untilMark } from './channel.ts';
import type { Kernel } from './kernel.ts';
import type { VmOptions } from './options.ts';
import { consoleOf, PORTS, qemuArguments, socketOf } from './qemu.ts';
import type { Acceleration, Port } from './qemu.ts';

/** A panic begins with its reason; registers and the traces of its calls follow. */
const CONSOLE_LINES = 120;

/** This repository: the guest works in it, at the same path. */
export const TREE = resolve(import.meta.dirname, '../../..');
const QEMU = 'qemu-system-x86_64';

export type OutputStream = 'stdout' | 'stderr';

/** Why a machine has no exit status to pass on. */
export interface MachineFailure {
  readonly reason: string;
  /** Nobody asked for its end: a panic, most likely. */
  readonly crashed: boolean;
  /** The end of the guest's console. */
  readonly console: string;
}

export interface Machine {
  /** Whether the command has been started: false once the machine has ended without that. */
  readonly ready: Promise<boolean>;
  /** Settles when QEMU is gone and its files are removed: the command's exit status, or what went wrong. */
  readonly ended: Promise<number | MachineFailure>;
  /** Ends the machine at once; `ended` then gives `reason`. */
  kill(reason: string): void;
}

const quote = (word: string): string => `'${word.replaceAll("'", "'\\''")}'`;

/** The variables that guest.sh reads. */
function jobScript({ kernel, options, mark }: { kernel: Kernel; options: VmOptions; mark: string }): string {
  const command = options.command.length === 1 ? ['bash', '-c', options.command[0] ?? ''] : options.command;
  return [
    `TREE=${quote(TREE)}`,
    `MARK=${quote(mark)}`,
    `MODULES=${quote(kernel.modules)}`,
    `CONTAINERD=${options.containerd === false ? '' : 'yes'}`,
    `SHARES=(${(options.share ?? []).map(quote).join(' ')})`,
    `COMMAND=(${command.map(quote).join(' ')})`,
    ...(process.env['CI'] === undefined ? [] : [`export CI=${quote(process.env['CI'])}`]),
    '',
  ].join('\n');
}

/** Without this, QEMU would outlive a host process that was killed. */
function commandLine(words: string[]): [string, string[]] {
  return existsSync('/usr/bin/setpriv') ? ['setpriv', ['--pdeathsig', 'KILL', QEMU, ...words]] : [QEMU, words];
}

interface Ending {
  status: number | undefined;
  failure: string | undefined;
  marks: number;
}

/** Boots a machine. Rejects when QEMU cannot be started at all. */
export async function boot(setup: {
  kernel: Kernel;
  initrd: string;
  options: VmOptions;
  acceleration: Acceleration;
  onOutput: (chunk: Buffer, stream: OutputStream) => void;
}): Promise<Machine> {
  const { kernel, options } = setup;
  const mark = `--end-of-output-${randomBytes(16).toString('hex')}--`;
  const job = await mkdtemp(join(await realpath(tmpdir()), 'parapet-vm-'));
  await writeFile(join(job, 'job.sh'), jobScript({ kernel, options, mark }));
  await writeFile(join(job, 'guest.sh'), await readFile(join(import.meta.dirname, 'guest.sh')));

  const ending: Ending = { status: undefined, failure: undefined, marks: 0 };
  let isReady: (started: boolean) => void = () => undefined;
  const ready = new Promise<boolean>((done) => (isReady = done));
  const kill = (): void => void child?.kill('SIGKILL');
  const onMark = (): void => {
    ending.marks++;
    finishIfComplete();
  };
  const finishIfComplete = (): void => {
    if (ending.status !== undefined && ending.marks === 2) kill();
  };
  const onControl = byLine((line) => {
    if (line === 'ready') isReady(true);
    else if (line.startsWith('exit ')) ending.status = Number(line.slice(5));
    else {
      ending.failure = line.replace(/^failed /, '');
      kill();
    }
    finishIfComplete();
  });
  const feeds: Record<Port, (chunk: Buffer) => void> = {
    control: onControl,
    stdout: untilMark(mark, { onData: (chunk) => setup.onOutput(chunk, 'stdout'), onMark }),
    stderr: untilMark(mark, { onData: (chunk) => setup.onOutput(chunk, 'stderr'), onMark }),
  };
  const servers = await Promise.all(PORTS.map((port) => listen(socketOf(job, port), feeds[port])));

  const [program, words] = commandLine(qemuArguments({ ...setup, job }));
  const child = spawn(program, words, { stdio: ['ignore', 'ignore', 'pipe'] });
  let complaints = '';
  child.stderr.on('data', (chunk: Buffer) => (complaints = (complaints + chunk.toString()).slice(-4096)));

  const gone = new Promise<void>((done) => {
    child.once('close', () => done());
    child.once('error', (error) => {
      ending.failure ??= `${program} could not be started: ${error.message}`;
      done();
    });
  });
  const ended = gone.then(async () => {
    isReady(false);
    const log = await readFile(consoleOf(job), 'utf8').catch(() => '');
    for (const server of servers) server.close();
    await rm(job, { recursive: true, force: true });
    if (ending.status !== undefined && ending.marks === 2) return ending.status;
    const crashed = ending.failure === undefined;
    return { reason: ending.failure ?? 'the machine stopped by itself', crashed, console: tail(complaints + log) };
  });
  return {
    ready,
    ended,
    kill: (reason) => {
      ending.failure ??= reason;
      kill();
    },
  };
}

function tail(text: string): string {
  const clean = text.replaceAll('\r', '').replace(/[^\t\n\x20-\x7e]/g, '?');
  return clean.trimEnd().split('\n').slice(-CONSOLE_LINES).join('\n');
}

/** Programs in a microVM: a Debian kernel of choice on a copy-on-write view of this machine. */
import { mkdir, realpath } from 'node:fs/promises';
import { resolve } from 'node:path';
import { byLine } from './channel.ts';
import { PATIENCE } from '../patience.ts';
import { findInitrd } from './initrd.ts';
import { findKernel } from './kernel.ts';
import { boot } from './machine.ts';
import type { Machine, MachineFailure, OutputStream } from './machine.ts';
import type { VmOptions } from './options.ts';
import type { Acceleration } from './qemu.ts';

export { guestProgram } from './guest-program.ts';
export type { VmOptions } from './options.ts';
export type { OutputStream } from './machine.ts';

/** Time was up. */
export const STATUS_TIMEOUT = 124;
/** The machine did not start, stopped by itself, or was killed. */
export const STATUS_FAILED = 125;

const DEFAULT_TIMEOUT = 600;
const BOOT_LIMIT = { tcg: PATIENCE, kvm: 30_000 };
/**
 * QEMU's emulation of two processors now and then loses a race with a kernel that rewrites its own code (seen: `Oops: int3` while 6.12-rt booted).
 * As long as the command has not begun, booting again hides nothing.
 */
const BOOTS = 3;

/** How a run ended. */
export interface VmResult {
  /** The command's own, `128 + n` when signal n ended it, or `STATUS_TIMEOUT` or `STATUS_FAILED`. */
  readonly status: number;
  /** Both streams, in the order in which they arrived. */
  readonly output: string;
  /** A sentence when the machine, not the command, is to blame. */
  readonly problem: string | undefined;
}

/** A command in a microVM, perhaps alongside programs of yours. */
export interface Vm {
  /** Resolves when the command has ended (or the machine has); never rejects. */
  wait(): Promise<VmResult>;
  /** Ends the machine at once: `wait` gives `STATUS_FAILED`. */
  kill(): void;
  /** Called for each whole line of the command's output, those that came before included. */
  onLine(handler: (line: string, stream: OutputStream) => void): void;
}

/** `VmOptions`, and what to do with what the guest and the set-up say. */
export interface VmRequest extends VmOptions {
  readonly onOutput?: ((chunk: Buffer, stream: OutputStream) => void) | undefined;
  /** Sentences about what takes time: a download, a kernel being booted. */
  readonly onProgress?: ((sentence: string) => void) | undefined;
}

interface Lines {
  readonly past: { line: string; stream: OutputStream }[];
  readonly handlers: ((line: string, stream: OutputStream) => void)[];
}

/** What must be ready before a machine can boot; a shared directory is made when it is not there. */
async function prepare(
  request: VmRequest,
): Promise<{ options: VmOptions; boot: (acceleration: Acceleration, onOutput: OnOutput) => Promise<Machine> }> {
  if (process.getuid?.() !== 0) throw new Error('the microVM shows root its own files, so this needs root: run it with sudo');
  const kernel = await findKernel(request.kernel, request.onProgress ?? (() => undefined));
  const initrd = await findInitrd(kernel);
  const share: string[] = [];
  for (const directory of request.share ?? []) {
    await mkdir(directory, { recursive: true });
    share.push(await realpath(resolve(directory)));
  }
  const options = { ...request, share };
  return { options, boot: (acceleration, onOutput) => boot({ kernel, initrd, options, acceleration, onOutput }) };
}

type OnOutput = (chunk: Buffer, stream: OutputStream) => void;

/**
 * Boots a machine and starts `command` in it. Resolves as soon as QEMU runs; what the command writes comes through `onOutput` and `onLine`.
 * Rejects when the machine cannot be made: no root, no QEMU, no such kernel.
 */
export async function startVm(request: VmRequest): Promise<Vm> {
  const prepared = await prepare(request);
  const lines: Lines = { past: [], handlers: [] };
  const text: string[] = [];
  const decoders = { stdout: new TextDecoder(), stderr: new TextDecoder() };
  const onLine = (stream: OutputStream) =>
    byLine((line) => {
      lines.past.push({ line, stream });
      for (const handler of lines.handlers) handler(line, stream);
    });
  const splitters = { stdout: onLine('stdout'), stderr: onLine('stderr') };
  const onOutput: OnOutput = (chunk, stream) => {
    text.push(decoders[stream].decode(chunk, { stream: true }));
    request.onOutput?.(chunk, stream);
    splitters[stream](chunk);
  };

  const seconds = request.timeout ?? DEFAULT_TIMEOUT;
  const state: { machine: Machine | undefined; stopped: { status: number; problem: string } | undefined } = {
    machine: undefined,
    stopped: undefined,
  };
  const stop = (status: number, problem: string): void => {
    state.stopped ??= { status, problem };
    state.machine?.kill(problem);
  };
  const timer = setTimeout(() => stop(STATUS_TIMEOUT, `time is up: the command did not end within ${seconds} s`), seconds * 1000);

  const attempt = async (acceleration: Acceleration): Promise<{ started: boolean; ended: Machine['ended'] }> => {
    const machine = await prepared.boot(acceleration, onOutput);
    state.machine = machine;
    if (state.stopped !== undefined) machine.kill(state.stopped.problem);
    const seconds = BOOT_LIMIT[acceleration] / 1000;
    const limit = setTimeout(() => machine.kill(`the machine did not boot within ${seconds} s`), seconds * 1000);
    const started = await machine.ready;
    clearTimeout(limit);
    return { started, ended: machine.ended };
  };

  const emulate = async (): Promise<number | MachineFailure> => {
    for (let boots = 1; ; boots++) {
      const { started, ended } = await attempt('tcg');
      const end = await ended;
      if (started || typeof end === 'number' || !end.crashed || boots === BOOTS) return end;
      request.onProgress?.('the machine stopped before the command began: booting it again');
    }
  };

  const run = async (): Promise<VmResult> => {
    // /dev/kvm may be there and yet not boot a kernel: only booting tells.
    const accelerated = process.env['PARAPET_ACCEL'] === 'kvm' && request.icount !== true ? await attempt('kvm') : undefined;
    if (accelerated?.started === false) request.onProgress?.('KVM does not boot this kernel: going on without it');
    const end = await (accelerated?.started === true ? accelerated.ended : emulate());
    clearTimeout(timer);
    const output = text.join('');
    if (typeof end === 'number') return { status: end, output, problem: undefined };
    if (state.stopped !== undefined) return { ...state.stopped, output };
    return { status: STATUS_FAILED, output, problem: `${end.reason}\n${end.console}`.trimEnd() };
  };
  const result = run().catch((error: unknown): VmResult => {
    clearTimeout(timer);
    return { status: STATUS_FAILED, output: text.join(''), problem: String(error) };
  });
  return {
    wait: () => result,
    kill: () => stop(STATUS_FAILED, 'killed'),
    onLine: (handler) => {
      for (const { line, stream } of lines.past) handler(line, stream);
      lines.handlers.push(handler);
    },
  };
}

/** Runs `command` in a microVM to its end. Rejects only when the machine cannot be made at all. */
export async function runInVm(request: VmRequest): Promise<VmResult> {
  return (await startVm(request)).wait();
}

/** The output of a program that must end well: throws with the end of it when it does not. */
export async function outputOf(request: VmRequest): Promise<string> {
  const { status, output, problem } = await runInVm(request);
  if (status !== 0) throw new Error(`the guest ended with ${status}: ${problem ?? ''}\n${output.slice(-4000)}`);
  return output;
}

/** What a scenario prints line by line as `WHAT: RESULT`, by what it is. */
export function factsIn(output: string): Map<string, string> {
  return new Map(output.split('\n').map((line) => [line.slice(0, line.lastIndexOf(': ')), line.slice(line.lastIndexOf(': ') + 2)]));
}

/** Milliseconds to wait in a hook for a machine with this `timeout`, in seconds: its own end comes first, and tells how far its command came. */
export function hookLimit(timeout: number): number {
  return (timeout + 60) * 1000;
}

/**
 * The sandbox process: runs one policy program in QuickJS in WebAssembly and answers once, on stdout. By the time this code runs the
 * process has no privileges. QuickJS can call the host for one thing only, loading a module, and is refused: text goes in, text comes out.
 */
import { EvalFlags, JSException, QuickJS } from 'quickjs-wasi';
import type { JSValueHandle } from 'quickjs-wasi';
import { readDocuments } from './documents.ts';
import { BUNDLE_NAME, PRELUDE_NAME } from './sandbox-protocol.ts';
import type { SandboxAnswer, SandboxRequest, Thrown } from './sandbox-protocol.ts';

/** 2000-01-01T00:00:00Z in nanoseconds: what every clock says, so that output does not depend on when it was made. */
const FIXED_TIME = 946_684_800_000_000_000n;
const MAX_REJECTIONS = 20;
const MAX_PRINTED = 1000;

interface Guest {
  readonly vm: QuickJS;
  readonly describe: JSValueHandle;
  readonly collect: JSValueHandle;
  readonly step: JSValueHandle;
  readonly rejected: Map<number, Thrown>;
  /** Whether the time is up. */
  readonly late: () => boolean;
}

interface Collected {
  readonly touched: boolean;
  readonly files: readonly (readonly [string, string])[];
  readonly printed: readonly string[];
  readonly exitCode: number;
}

export interface Input {
  take(chunk: Uint8Array): void;
  /** There is no more: the program is run, and this process ends. */
  end(): void;
}

/** Takes the length of the request, the request, the bytes that it announces, and the program; makes all ready before the program is there. */
export function begin(): Input {
  let chunks: Uint8Array[] = [];
  let prepared: Prepared | undefined;
  return {
    take(chunk) {
      chunks.push(chunk);
      const found = prepared === undefined ? unpack(Buffer.concat(chunks)) : undefined;
      if (found === undefined) return;
      chunks = [found.rest];
      const guest = prepare(found);
      // Who runs the program is told.
      guest.catch(() => undefined);
      prepared = { request: found.request, guest };
    },
    end() {
      if (prepared === undefined) throw new Error('the request is incomplete');
      void answer(prepared, new TextDecoder().decode(Buffer.concat(chunks)));
    },
  };
}

interface Prepared {
  readonly request: SandboxRequest;
  readonly guest: Promise<Guest>;
}

async function answer({ request, guest }: Prepared, bundle: string): Promise<void> {
  const run = async (): Promise<SandboxAnswer> => {
    const ready = await guest;
    return conclude(ready, { request, thrown: await runProgram(ready, bundle) });
  };
  const reply = JSON.stringify(await run().catch((error: unknown) => interrupted(error, request) ?? brokenEngine(error)));
  process.stdout.write(reply, () => process.exit(0));
}

/** A short time can be up before the program begins, or when it has ended and is asked what it made. */
function interrupted(error: unknown, request: SandboxRequest): SandboxAnswer | undefined {
  return error instanceof JSException && isLate(request) ? { ...FAILED, ended: 'time' } : undefined;
}

function isLate({ cpuMs }: SandboxRequest): boolean {
  const { user, system } = process.cpuUsage();
  return user + system > cpuMs * 1000;
}

/**
 * What a program can do to the engine itself: nest so deeply that the engine's own recursion overflows, or make it trap. Its state means
 * nothing afterwards, so that nothing more is asked of it.
 */
function brokenEngine(error: unknown): SandboxAnswer {
  if (error instanceof RangeError)
    return { ...FAILED, thrown: [{ ...NOTHING, name: 'RangeError', message: 'Maximum call stack size exceeded' }] };
  if (error instanceof Error && error.name === 'RuntimeError')
    return { ...FAILED, thrown: [refused('an error that the engine does not survive')] };
  throw error;
}

interface Unpacked {
  readonly request: SandboxRequest;
  readonly parts: readonly Uint8Array[];
  /** What has come of the program. */
  readonly rest: Uint8Array;
}

/** `undefined` until all of it has come. */
function unpack(bytes: Uint8Array): Unpacked | undefined {
  if (bytes.length < 4) return undefined;
  let at = 4 + new DataView(bytes.buffer, bytes.byteOffset).getUint32(0, true);
  if (bytes.length < at) return undefined;
  const request = JSON.parse(new TextDecoder().decode(bytes.subarray(4, at))) as SandboxRequest;
  if (bytes.length < request.lengths.reduce((sum, length) => sum + length, at)) return undefined;
  const parts = request.lengths.map((length) => bytes.slice(at, (at += length)));
  return { request, parts, rest: bytes.slice(at) };
}

/** The engine with everything but the program in it. */
async function prepare({ request, parts }: Unpacked): Promise<Guest> {
  const [wasm, ...rest] = parts as readonly Uint8Array<ArrayBuffer>[];
  const prelude = rest.at(request.extensions.length);
  if (wasm === undefined || prelude === undefined) throw new Error('the request is incomplete');
  let late = false;
  const rejected = new Map<number, Thrown>();
  // Filled below: the engine's callback needs the guest, and the guest needs the engine.
  const known: { guest?: Guest } = {};
  const vm = await QuickJS.create({
    wasm,
    memoryLimit: request.memoryBytes,
    maxStackSize: 256 * 1024,
    timezoneOffset: 0,
    extensions: request.extensions.map((name, index) => ({ name, wasm: rest[index] as Uint8Array<ArrayBuffer> })),
    interruptHandler: () => (late = late || isLate(request)),
    moduleLoader: { load: (name: string) => refuseModule(name) },
    onUnhandledRejection: (promise: JSValueHandle, reason: JSValueHandle, isHandled: boolean) => {
      if (isHandled) rejected.delete(promise.identity);
      else if (known.guest !== undefined && rejected.size < MAX_REJECTIONS) {
        // Kept alive, because an identity is an address.
        promise.dup();
        rejected.set(promise.identity, describe(known.guest, reason));
      }
    },
    wasi: fixedWorld,
  });
  const doors = vm.evalCode(`(function(){${new TextDecoder().decode(prelude)};return parapetGuest})()`, PRELUDE_NAME);
  const guest: Guest = {
    vm,
    rejected,
    late: () => late,
    describe: doors.getProp('describe'),
    collect: doors.getProp('collect'),
    step: doors.getProp('step'),
  };
  known.guest = guest;
  return guest;
}

function refuseModule(name: string): never {
  const shown = JSON.stringify(name.slice(0, 200));
  const error = new Error(
    `importing ${shown} at run time is not possible in a policy program: write the file's name into the import itself`,
  );
  // The host's own frames are nothing for the program.
  error.stack = '';
  throw error;
}

/** No clock, no randomness, no descriptors: the same bytes for the same program. */
function fixedWorld(memory: { readonly buffer: ArrayBuffer }): Record<string, (...args: never[]) => number> {
  return {
    clock_time_get: (_clock: number, _precision: bigint, at: number) => {
      new DataView(memory.buffer).setBigUint64(at, FIXED_TIME, true);
      return 0;
    },
    random_get: (at: number, length: number) => {
      new Uint8Array(memory.buffer, at, length).fill(0x42);
      return 0;
    },
    // EBADF: what the engine itself would log goes nowhere, and stdout is for the answer alone.
    fd_write: () => 8,
  };
}

/** Runs the program until nothing is left to do. What it threw, `'waiting'` when it can never finish, or nothing. */
async function runProgram(guest: Guest, bundle: string): Promise<Thrown | 'waiting' | undefined> {
  const { vm } = guest;
  let main: JSValueHandle | undefined;
  try {
    main = vm.evalCode(bundle, BUNDLE_NAME, EvalFlags.TYPE_MODULE);
    runJobs(vm);
    while (!guest.late() && main.promiseState !== 2 && vm.callFunction(guest.step, vm.undefined).toBoolean()) runJobs(vm);
  } catch (error) {
    return thrownBy(guest, error);
  }
  guest.rejected.delete(main.identity);
  if (main.promiseState === 2) return rejectionOf(guest, main);
  return main.promiseState === 0 ? 'waiting' : undefined;
}

/** Unlike the engine's own loop, it keeps the exception of a job that had no time or memory left: that knows the author's line. */
function runJobs(vm: QuickJS): void {
  const engine = vm._getExports();
  while (engine.qjs_is_job_pending() !== 0) if (engine.qjs_execute_pending_job() < 0) throw new JSException(vm.getException());
}

/** The reason of a rejected module. Reading it runs nothing of the program's. */
async function rejectionOf(guest: Guest, promise: JSValueHandle): Promise<Thrown> {
  const settled = await guest.vm.resolvePromise(promise);
  return 'error' in settled ? describe(guest, settled.error) : refused('nothing');
}

function thrownBy(guest: Guest, error: unknown): Thrown {
  if (!(error instanceof JSException)) throw error;
  // The engine's own errors (no memory, no stack, no time) can leave too little room to run anything: take their own words.
  if (error.name === 'InternalError') return { name: error.name, message: error.message, stack: error.stack ?? '', code: '', hint: '' };
  return describe(guest, error.handle);
}

function describe(guest: Guest, reason: JSValueHandle): Thrown {
  try {
    return { ...NOTHING, ...(JSON.parse(textOf(guest.vm.callFunction(guest.describe, guest.vm.undefined, reason))) as Partial<Thrown>) };
  } catch {
    return refused('something that cannot be described');
  }
}

function textOf(handle: JSValueHandle): string {
  if (!handle.isString) throw new Error('not a text');
  return handle.toString();
}

function conclude(guest: Guest, run: { readonly request: SandboxRequest; readonly thrown: Thrown | 'waiting' | undefined }): SandboxAnswer {
  const main = run.thrown === 'waiting' || run.thrown === undefined ? [] : [run.thrown];
  if (guest.late()) return { ...FAILED, ended: 'time', thrown: main };
  let collected: Collected;
  try {
    collected = collectedFrom(JSON.parse(textOf(guest.vm.callFunction(guest.collect, guest.vm.undefined))));
  } catch (error) {
    if (guest.late()) return { ...FAILED, ended: 'time' };
    const thrown = main.length > 0 ? main : [error instanceof JSException ? thrownBy(guest, error) : refused('its output cannot be read')];
    return { ...FAILED, ended: thrown.some(isMemory) ? 'memory' : 'threw', thrown };
  }
  const { printed, touched } = collected;
  const thrown = [...main.filter((each) => each.exitCode === undefined), ...guest.rejected.values()];
  const exitCode = main.find((each) => each.exitCode !== undefined)?.exitCode ?? collected.exitCode;
  const base = { ...FAILED, thrown, printed, touched, exitCode };
  if (thrown.length > 0) return { ...base, ended: thrown.some(isMemory) ? 'memory' : 'threw' };
  if (exitCode !== 0) return { ...base, ended: 'exit', thrown: main.filter((each) => each.exitCode !== undefined) };
  if (run.thrown === 'waiting') return { ...base, ended: 'waiting' };
  return { ...base, ...readDocuments(collected.files, run.request) };
}

/** A program can change how anything of its own becomes JSON, so that only the outermost form is believed. */
function collectedFrom(value: unknown): Collected {
  const from = (typeof value === 'object' && value !== null ? value : {}) as Partial<Record<keyof Collected, unknown>>;
  const list = (each: unknown): readonly unknown[] => (Array.isArray(each) ? each : []);
  const isFile = (each: unknown): each is readonly [string, string] =>
    Array.isArray(each) && each.length === 2 && each.every((part) => typeof part === 'string');
  if (!Array.isArray(from.files) || !from.files.every(isFile)) throw new Error('its output is not what it wrote');
  return {
    touched: from.touched === true,
    files: from.files,
    printed: list(from.printed)
      .filter((each) => typeof each === 'string')
      .slice(-MAX_PRINTED),
    exitCode: Number.isSafeInteger(from.exitCode) ? Number(from.exitCode) : 1,
  };
}

const isMemory = (thrown: Thrown): boolean => thrown.name === 'InternalError' && /^(out of memory|string too long)$/.test(thrown.message);
const FAILED: SandboxAnswer = { ended: 'threw', thrown: [], files: [], touched: true, printed: [], exitCode: 0 };
const NOTHING: Thrown = { name: '', message: '', stack: '', code: '', hint: '' };
const refused = (message: string): Thrown => ({ ...NOTHING, message });

/** Starts the sandbox process for one bundle and reads its answer, which is hostile input like the program itself. */
import { StageError } from '../../stage-error.ts';
import { wallMsOf } from './limits.ts';
import type { SynthLimits } from './limits.ts';
import { OneShotProcess, tooBusy } from './one-shot.ts';
import type { OneShotResult } from './one-shot.ts';
import type { SandboxRuntime } from './runtime.ts';
import type { SandboxAnswer, SandboxRequest, Thrown, WrittenFile } from './sandbox-protocol.ts';

const MIB = 1024 * 1024;
/** What the process needs besides the program's memory: V8's own heap, code, and the program's text twice over. */
const OVERHEAD_BYTES = 768 * MIB;
const STACK_BYTES = 8 * MIB;
/** Processor time between asking the program to stop, which says where it was, and killing the process. */
const GRACE_MS = 500;

/**
 * Reads everything from stdin, because the process may open no file; gives up root before the first byte arrives. Where the system
 * knows no such user (a small user namespace) it goes on without: QuickJS, not the user id, is what holds the program.
 */
const BOOTSTRAP = `
if (process.getuid?.() === 0) { try { process.setgroups([]); process.setgid(65534); process.setuid(65534); } catch {} }
// Node would print the line that threw, which is all of the code below.
process.once('uncaughtException', (error) => { process.stderr.write(String(error?.stack).slice(-2000), () => process.exit(70)); });
let first = Buffer.alloc(0);
let host;
process.stdin.on('data', (chunk) => {
  if (host !== undefined) return host.take(chunk);
  first = Buffer.concat([first, chunk]);
  const end = first.length < 4 ? Infinity : 4 + first.readUInt32LE(0);
  if (first.length < end) return;
  host = (0, eval)(first.toString('utf8', 4, end) + ';parapetHost').begin();
  host.take(first.subarray(end));
}).on('end', () => host?.end());
`;

export interface SandboxOptions {
  readonly runtime: SandboxRuntime;
  readonly limits: SynthLimits;
  readonly signal?: AbortSignal | undefined;
}

/** A sandbox for one program that is made ready, up to the engine itself, while the program is still being bundled. */
export class Sandbox {
  readonly #limits: SynthLimits;
  readonly #process: OneShotProcess;

  /** Throws the signal's reason when that is aborted. */
  constructor(options: SandboxOptions) {
    this.#limits = options.limits;
    this.#process = started(options);
    this.#process.write(frames(options));
  }

  /**
   * Runs the program, one ES module; once. Rejects with a StageError when the process can't start or breaks in a way that the program can't
   * cause, and with the signal's reason when it is aborted.
   */
  async run(bundle: string): Promise<SandboxAnswer> {
    return conclusion(await this.#process.finish([Buffer.from(bundle)]), this.#limits);
  }

  /** Ends it without a program. */
  discard(): void {
    this.#process.discard();
  }
}

function started({ limits, signal }: SandboxOptions): OneShotProcess {
  return new OneShotProcess({
    args: flags(limits),
    cpuMs: limits.runMs + GRACE_MS,
    wallMs: wallMsOf(limits.runMs),
    // Manifests are bounded as JSON; as a text within JSON they get an escape for each quotation mark.
    outputBytes: limits.outputBytes * 2 + 2 * MIB,
    dataBytes: limits.memoryBytes + OVERHEAD_BYTES,
    stackBytes: STACK_BYTES,
    openFiles: 64,
    signal,
  });
}

function conclusion(result: OneShotResult, limits: SynthLimits): SandboxAnswer {
  if (result.ended === 'time') throw tooBusy('the program to run', limits.runMs);
  if (result.ended === 'output') return { ...failed('output'), excess: 'more than can be read back' };
  if (result.exitCode === 0) return readAnswer(result);
  if (result.exitSignal === 'SIGXCPU') return failed('time');
  if (isOutOfMemory(result)) return failed('memory');
  const cause = new Error(`${result.exitSignal ?? `exit status ${result.exitCode}`}: ${result.stderr.trim()}`);
  throw new StageError('synth', `the sandbox process broke (${result.exitSignal ?? `exit status ${result.exitCode}`})`, { cause });
}

/** V8 ends the process when it runs out of memory, and so does the kernel. Any other crash is the machine's or the engine's, and not told as this. */
function isOutOfMemory({ exitSignal, exitCode, stderr }: OneShotResult): boolean {
  if (exitSignal === 'SIGKILL' || exitSignal === 'SIGABRT' || exitCode === 134 || exitCode === 5) return true;
  return exitSignal !== null && /out of memory|allocation failed/i.test(stderr);
}

function flags(limits: SynthLimits): readonly string[] {
  const pages = Math.ceil(limits.memoryBytes / 65536) + 256;
  return [
    '--permission',
    '--no-warnings',
    '--max-old-space-size=256',
    // The engine has its own bound for recursion; it counts only where the process's own stack does not end before.
    `--stack-size=${STACK_BYTES / 1024 - 512}`,
    `--wasm-max-mem-pages=${pages}`,
    '--input-type=commonjs',
    '-e',
    BOOTSTRAP,
  ];
}

function frames({ runtime, limits }: SandboxOptions): readonly Uint8Array[] {
  const parts = [runtime.wasm, ...runtime.extensions.map(({ wasm }) => wasm), Buffer.from(runtime.prelude)];
  const request: SandboxRequest = {
    lengths: parts.map((part) => part.length),
    extensions: runtime.extensions.map(({ name }) => name),
    cpuMs: limits.runMs,
    memoryBytes: limits.memoryBytes,
    outputBytes: limits.outputBytes,
    manifests: limits.manifests,
  };
  return [...sized(Buffer.from(runtime.host)), ...sized(Buffer.from(JSON.stringify(request))), ...parts];
}

function sized(part: Buffer): readonly Buffer[] {
  const size = Buffer.alloc(4);
  size.writeUInt32LE(part.length);
  return [size, part];
}

const failed = (ended: SandboxAnswer['ended']): SandboxAnswer => ({
  ended,
  thrown: [],
  files: [],
  touched: true,
  printed: [],
  exitCode: 0,
});

const ENDS: readonly SandboxAnswer['ended'][] = ['done', 'threw', 'time', 'memory', 'waiting', 'output', 'exit'];

function readAnswer(result: OneShotResult): SandboxAnswer {
  let answer: Partial<Record<keyof SandboxAnswer, unknown>>;
  try {
    answer = (JSON.parse(result.output.toString('utf8')) ?? {}) as typeof answer;
  } catch (cause) {
    throw new StageError('synth', 'the sandbox process gave no readable answer', { cause });
  }
  const ended = ENDS.find((each) => each === answer.ended);
  if (ended === undefined) throw new StageError('synth', 'the sandbox process gave no readable answer');
  return {
    ended,
    thrown: list(answer.thrown).map(thrownFrom),
    files: list(answer.files).map(fileFrom),
    touched: answer.touched === true,
    printed: list(answer.printed).map(textOf),
    exitCode: typeof answer.exitCode === 'number' ? answer.exitCode : 0,
    ...(typeof answer.excess === 'string' ? { excess: answer.excess } : {}),
  };
}

const list = (value: unknown): readonly unknown[] => (Array.isArray(value) ? (value as unknown[]) : []);
const textOf = (value: unknown): string => (typeof value === 'string' ? value : '');

function thrownFrom(value: unknown): Thrown {
  const from = (typeof value === 'object' && value !== null ? value : {}) as Partial<Record<keyof Thrown, unknown>>;
  return {
    name: textOf(from.name),
    message: textOf(from.message),
    stack: textOf(from.stack),
    code: textOf(from.code),
    hint: textOf(from.hint),
  };
}

function fileFrom(value: unknown): WrittenFile {
  const from = (typeof value === 'object' && value !== null ? value : {}) as Partial<Record<keyof WrittenFile, unknown>>;
  return { path: textOf(from.path), documents: list(from.documents).map(textOf), errors: list(from.errors).map(textOf) };
}

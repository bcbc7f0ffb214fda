/**
 * Runs inside the sandbox before the policy program: gives it the globals that Node programs expect, none of which reaches the world.
 * It hands the host three functions and exposes no other door.
 */
import { Buffer } from 'buffer';
import events from 'events';
import path from 'path-browserify';
import { runTimer, timers } from './clock.ts';
import { digests } from './digest.ts';
import { filePromises, fileSystem, written } from './files.ts';
import { guarded, NETWORK, refuse } from './forbid.ts';
import { saveAsJson } from './manifests.ts';
import { assert, format, utilities } from './text.ts';

const MAX_PRINTED = 64 * 1024;
const printed: string[] = [];
let printedSize = 0;

const print = (...args: readonly unknown[]): void => {
  const line = format(...args);
  printedSize += line.length;
  if (printedSize <= MAX_PRINTED) printed.push(line);
};

/** What `process.exit` throws: ends the program without pretending that it failed. */
class ProcessExit extends Error {
  override readonly name = 'ProcessExit';
  readonly exitCode: number;

  constructor(exitCode: number) {
    super(`the program called process.exit(${exitCode})`);
    this.exitCode = exitCode;
  }
}

const silent = () => undefined;
const stream = {
  write: (text: unknown) => (print(String(text).replace(/\n$/, '')), true),
  isTTY: false,
  on: silent,
  once: silent,
  end: silent,
};

const processShim: Record<string, unknown> = {
  env: {},
  argv: ['node', '/main.ts'],
  execArgv: [],
  execPath: '/node',
  platform: 'linux',
  arch: 'x64',
  pid: 1,
  title: 'parapet',
  version: 'v24.0.0',
  versions: { node: '24.0.0' },
  release: { name: 'node' },
  exitCode: undefined,
  cwd: () => '/',
  exit: (code?: unknown): never => {
    throw new ProcessExit(Number(code ?? processShim['exitCode'] ?? 0));
  },
  nextTick: (work: (...args: unknown[]) => unknown, ...args: unknown[]) => queueMicrotask(() => void work(...args)),
  hrtime: Object.assign(() => [0, 0], { bigint: () => 0n }),
  uptime: () => 0,
  memoryUsage: () => ({ rss: 0, heapTotal: 0, heapUsed: 0, external: 0, arrayBuffers: 0 }),
  emitWarning: (warning: unknown) => print(String(warning)),
  stdout: stream,
  stderr: stream,
  on: () => processShim,
  once: () => processShim,
  off: () => processShim,
  addListener: () => processShim,
  removeListener: () => processShim,
  emit: () => false,
  chdir: (folder: unknown) => refuse({ module: 'process', name: 'chdir', args: [folder], doing: 'changing folders' }),
  kill: () => refuse({ module: 'process', name: 'kill', doing: 'sending signals' }),
  abort: () => refuse({ module: 'process', name: 'abort', doing: 'crashing' }),
  binding: (name: unknown) => refuse({ module: 'process', name: 'binding', args: [name], doing: "reaching Node's own insides" }),
  dlopen: () => refuse({ module: 'process', name: 'dlopen', doing: 'loading native code' }),
  getBuiltinModule: (name: unknown) => builtin(String(name).replace(/^node:/, '')),
};

const operatingSystem = {
  EOL: '\n',
  tmpdir: () => '/tmp',
  homedir: () => '/',
  platform: () => 'linux',
  type: () => 'Linux',
  arch: () => 'x64',
  endianness: () => 'LE',
};

const posix: object = Object.assign(path, { posix: path });

const urls = {
  URL,
  URLSearchParams,
  fileURLToPath: (url: unknown) => decodeURIComponent(new URL(String(url)).pathname),
  pathToFileURL: (file: unknown) => new URL(`file://${path.resolve('/', String(file)).split('/').map(encodeURIComponent).join('/')}`),
};

const builtins = new Map<string, object>([
  ['fs', guarded('fs', { ...fileSystem, promises: guarded('fs', filePromises) })],
  ['fs/promises', guarded('fs', filePromises)],
  ['path', posix],
  ['path/posix', posix],
  ['os', guarded('os', operatingSystem)],
  ['crypto', guarded('crypto', digests)],
  ['util', guarded('util', { ...utilities, TextEncoder, TextDecoder })],
  ['assert', assert],
  ['assert/strict', assert],
  ['url', guarded('url', urls)],
  ['buffer', guarded('buffer', { Buffer, kMaxLength: 0x7fffffff })],
  ['events', events],
  ['process', processShim],
  ['timers', guarded('timers', timers)],
  ['perf_hooks', guarded('perf_hooks', { performance: { now: () => 0, timeOrigin: 0, mark: silent, measure: silent } })],
]);

/** The module a program gets for a Node built-in; the ones that are not there refuse when they are used. */
function builtin(name: string): object {
  const known = builtins.get(name) ?? guarded(name, {});
  builtins.set(name, known);
  return known;
}

const console = Object.fromEntries(
  ['log', 'info', 'warn', 'error', 'debug', 'trace', 'dir', 'table', 'group', 'timeLog'].map((name) => [name, print]),
) as Record<string, unknown>;
for (const name of ['groupEnd', 'time', 'timeEnd', 'count', 'clear']) console[name] = silent;
console['assert'] = (holds: unknown, ...rest: unknown[]) => (holds as boolean) || print('Assertion failed:', ...rest);

const globals: Record<string, unknown> = {
  ...timers,
  Buffer,
  console,
  process: processShim,
  global: globalThis,
  crypto: guarded('crypto', {}),
  fetch: (...args: readonly unknown[]) => refuse({ module: '', name: 'fetch', args, ...NETWORK }),
  // The engine's own would throw into the host; a rejection that nobody handles is the program's.
  queueMicrotask: (work: unknown) => {
    if (typeof work !== 'function') throw new TypeError('The "callback" argument must be of type function.');
    void Promise.resolve().then(() => void (work as () => unknown)());
  },
};
for (const [name, value] of Object.entries(globals)) {
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true, enumerable: false });
}
Object.defineProperty(globalThis, Symbol.for('parapet.builtin'), { value: builtin });
Object.defineProperty(globalThis, Symbol.for('parapet.saver'), { value: saveAsJson });
for (const name of ['WebSocket', 'XMLHttpRequest', 'EventSource', 'Worker']) {
  const value = function forbidden(...args: unknown[]) {
    return refuse({ module: '', name: `new ${name}`, args, ...(name === 'Worker' ? { doing: 'starting threads' } : NETWORK) });
  };
  Object.defineProperty(globalThis, name, { value, writable: true, configurable: true });
}
(Error as { stackTraceLimit?: number }).stackTraceLimit = 64;

// Kept from before the program runs: what it does to the originals must not make its own report unreadable.
const { stringify } = JSON;
const MAX_TEXT = 16 * 1024;
const text = (value: unknown): string => String(value).slice(0, MAX_TEXT);

/** Whatever was thrown, as JSON with `name`, `message`, `stack`, `code`, `hint` and `exitCode`. */
export function describe(thrown: unknown): string {
  try {
    if (typeof thrown !== 'object' || thrown === null || !('message' in thrown)) {
      return stringify({ name: '', message: text(typeof thrown === 'string' ? thrown : format(thrown)), stack: '', thrown: typeof thrown });
    }
    const { name, message, stack, code, hint, exitCode } = thrown as Record<string, unknown>;
    return stringify({
      name: text(name),
      message: text(message),
      stack: text(stack ?? ''),
      code: text(code ?? ''),
      hint: text(hint ?? ''),
      ...(thrown instanceof ProcessExit ? { exitCode } : {}),
    });
  } catch {
    return '{"name":"","message":"something that cannot be described","stack":""}';
  }
}

/** What the program made and printed, as JSON. */
export function collect(): string {
  return stringify({ ...written(), printed, exitCode: Number(processShim['exitCode'] ?? 0) || 0 });
}

/** Runs one waiting timer. */
export const step = runTimer;

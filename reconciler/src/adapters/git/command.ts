/**
 * Runs Git, kept to what we ask of it: no configuration of the machine or the user, no hooks, no prompts, one protocol, bounded output,
 * memory and time. Credentials are given to commands that go to the network only, and never on a command line: everybody on the machine can read those.
 */
import { randomUUID } from 'node:crypto';
import { promises as fs } from 'node:fs';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { simpleGit } from 'simple-git';
import { killMarked, RUN_MARK } from './processes.ts';

export interface GitSettings {
  /** `PATH`, proxies, certificates, the ssh agent: what Git may know of the reconciler's environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** The only protocol that Git may speak, also when it is sent elsewhere. */
  readonly protocol: string;
  /** A directory of ours, and Git's home: it holds no configuration, and the script that `limitMemory` wrote. */
  readonly home: string;
}

/** What Git needs for one command: to be let in, or to judge signatures. */
export interface GitExtras {
  readonly environment?: Readonly<Record<string, string>>;
  readonly config?: Readonly<Record<string, string>>;
  /** Texts that nobody may ever read in a message. */
  readonly secrets?: readonly string[];
}

export interface GitCall {
  readonly directory: string;
  readonly args: readonly string[];
  readonly signal: AbortSignal;
  /** Most bytes that Git may print; a 32nd of it, and at least 64 KiB, of complaints. */
  readonly limit: number;
  readonly input?: string;
  readonly extras?: GitExtras;
}

/** Git failed: its last words, without credentials. */
export class GitFailure extends Error {
  override readonly name = 'GitFailure';
  /** Git gave more than was asked for at most. */
  readonly tooMuch: boolean;

  constructor(message: string, { tooMuch = false } = {}) {
    super(message);
    this.tooMuch = tooMuch;
  }
}

const CONFIG = [
  // Where Git is redirected to, it would take the credentials along.
  'http.followRedirects=false',
  'http.lowSpeedLimit=1',
  'http.lowSpeedTime=30',
  'core.hooksPath=/dev/null',
  'core.fsmonitor=false',
  // A mirror that a crash damages is made anew: waiting for the disk buys nothing.
  'core.fsync=none',
  // Large files pass through in pieces, and threads have stacks: see MEMORY_KIB.
  'core.bigFileThreshold=16m',
  'core.deltaBaseCacheLimit=32m',
  'pack.threads=2',
  'pack.windowMemory=32m',
  'fetch.recurseSubmodules=false',
  'fetch.showForcedUpdates=false',
  // Packs are what the size of the mirror is measured by.
  'fetch.unpackLimit=1',
  'gc.autoDetach=false',
  'gc.pruneExpire=now',
  // A reference is a file that can be read.
  'gc.packRefs=false',
  'protocol.version=2',
];

/** Most memory of one process (its heap, not the files that it maps): a server can name references until there is none left. */
const MEMORY_KIB = 256 * 1024;
const SCRIPT = 'git.sh';

/** Writes the script that starts Git with bounded memory; the bound holds for everything that Git starts. */
export async function limitMemory(home: string): Promise<void> {
  await fs.writeFile(join(home, SCRIPT), `ulimit -d ${MEMORY_KIB} 2> /dev/null\nexec git "$@"\n`, { mode: 0o600 });
}

/** Git's output as text. Rejects with a GitFailure, or with the signal's reason. */
export async function gitText(settings: GitSettings, call: GitCall): Promise<string> {
  return run(settings, call, async (git) => git.raw([...call.args]));
}

/** The contents of objects, as `git cat-file --batch` prints them. */
export async function gitObjects(settings: GitSettings, call: Omit<GitCall, 'args'>): Promise<Buffer> {
  const batch = { ...call, args: ['cat-file', '--batch'] };
  const buffer = await run(settings, batch, async (git) => git.binaryCatFile(['--batch']) as Promise<unknown>);
  if (!Buffer.isBuffer(buffer)) throw new GitFailure('git cat-file gave no bytes');
  return buffer;
}

/** A command whose failure is an answer too: whether it succeeded, and what it said on standard error. */
export async function gitVerdict(settings: GitSettings, call: GitCall): Promise<{ readonly ok: boolean; readonly said: string }> {
  let verdict = { ok: false, said: '' };
  const ended = (exit: number, said: string): void => void (verdict = { ok: exit === 0, said });
  await run(settings, { ...call, ended }, async (git) => git.raw([...call.args]));
  return verdict;
}

type Git = ReturnType<typeof simpleGit>;

async function run<T>(
  settings: GitSettings,
  call: GitCall & { ended?(exit: number, said: string): void },
  work: (git: Git) => Promise<T>,
): Promise<T> {
  call.signal.throwIfAborted();
  const over = new AbortController();
  const mark = randomUUID();
  const environment = environmentOf(settings, call.extras ?? {}, mark);
  const git = simpleGit({
    baseDir: call.directory,
    binary: ['/bin/sh', join(settings.home, SCRIPT)],
    abort: AbortSignal.any([call.signal, over.signal]),
    config: CONFIG,
    completion: { onClose: true, onExit: false },
    errors: (error, { exitCode, stdErr }) => {
      const said = Buffer.concat([...stdErr, Buffer.from(' ')]);
      if (call.ended === undefined || call.signal.aborted || over.signal.aborted) return error ?? (exitCode === 0 ? undefined : said);
      call.ended(exitCode, said.toString('utf8'));
      return undefined;
    },
    unsafe: UNSAFE,
    allowEnvironment: Object.keys(environment),
    ...(call.input === undefined ? {} : { input: () => call.input }),
  })
    .env(environment)
    .outputHandler((_command, stdout, stderr) => {
      const streams = [stdout, stderr] as Readable[];
      // The programs that Git started for the network outlive it, and would hold us up for as long as the server is silent.
      for (const { signal } of [call, over])
        signal.addEventListener('abort', () => streams.forEach((stream) => void stream.destroy()), { once: true });
      atMost(stdout, call.limit, over);
      atMost(stderr, Math.max(call.limit / 32, 64 * 1024), over);
    });
  try {
    return await work(git);
  } catch (error) {
    if (call.signal.aborted || over.signal.aborted) await killMarked(mark);
    call.signal.throwIfAborted();
    if (over.signal.aborted) throw new GitFailure(`git ${call.args[0] ?? ''} printed more than ${call.limit} bytes`, { tooMuch: true });
    throw new GitFailure(lastWords(error, call.extras?.secrets ?? []));
  }
}

/** These guard against values from outside; here all of them are constants, or paths of our own. */
const UNSAFE = {
  allowUnsafeConfigEnvCount: true,
  allowUnsafeConfigPaths: true,
  allowUnsafeCustomBinary: true,
  allowUnsafeFsMonitor: true,
  allowUnsafeGpgProgram: true,
  allowUnsafeHooksPath: true,
  allowUnsafeSshCommand: true,
  allowUnsafeTemplateDir: true,
  allowUnsafeAskPass: true,
};

function atMost(stream: NodeJS.ReadableStream, limit: number, over: AbortController): void {
  let bytes = 0;
  stream.on('data', (chunk: Buffer) => {
    bytes += chunk.length;
    if (bytes > limit) over.abort();
  });
}

function environmentOf(settings: GitSettings, extras: GitExtras, mark: string): Record<string, string> {
  const config = Object.entries(extras.config ?? {});
  return {
    ...settings.environment,
    HOME: settings.home,
    LC_ALL: 'C',
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_CONFIG_GLOBAL: '/dev/null',
    GIT_TERMINAL_PROMPT: '0',
    GIT_ALLOW_PROTOCOL: settings.protocol,
    GIT_PROTOCOL_FROM_USER: '0',
    GIT_OPTIONAL_LOCKS: '0',
    GIT_NO_REPLACE_OBJECTS: '1',
    GIT_LFS_SKIP_SMUDGE: '1',
    // Outside of a mirror there is no repository, wherever we are on the disk.
    GIT_CEILING_DIRECTORIES: join(settings.home, '..'),
    ...extras.environment,
    [RUN_MARK]: mark,
    ...(config.length === 0 ? {} : { GIT_CONFIG_COUNT: String(config.length) }),
    ...Object.fromEntries(
      config.flatMap(([key, value], index) => [
        [`GIT_CONFIG_KEY_${index}`, key],
        [`GIT_CONFIG_VALUE_${index}`, value],
      ]),
    ),
  };
}

/** The line that says why; a hostile server may print anything, our own header included. */
function lastWords(error: unknown, secrets: readonly string[]): string {
  const text = error instanceof Error ? error.message : String(error);
  const lines = text.split(/[\r\n]+/).filter((line) => line.trim() !== '');
  const line =
    lines.find((candidate) => TELLING.test(candidate)) ?? lines.find((candidate) => candidate.startsWith('fatal:')) ?? lines.at(-1);
  return secrets
    .filter((secret) => secret.length > 3)
    .reduce((rest, secret) => rest.replaceAll(secret, '***'), line ?? 'git failed')
    .slice(0, 500);
}

/** What ssh says; Git only adds that it could not read. */
const TELLING = /^(Host key verification failed|.*: Permission denied \(|Load key .*|No user exists for uid)/;

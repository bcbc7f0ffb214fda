/**
 * Runs Git, kept to what we ask of it: no configuration of the machine or the user, no hooks, no prompts, one protocol, bounded output.
 * Credentials travel in the environment of the process only: command lines can be read by everybody on the machine.
 */
import type { Readable } from 'node:stream';
import { simpleGit } from 'simple-git';
import type { Credentials } from '../source-url.ts';

export interface GitSettings {
  /** `PATH`, proxies, certificates, the ssh agent: what Git may know of the reconciler's environment. */
  readonly environment: Readonly<Record<string, string>>;
  /** The only protocol that Git may speak, also when it is sent elsewhere. */
  readonly protocol: string;
  /** Read for every command, so that a token may be replaced while we run. */
  credentials(): Credentials | undefined;
  /** `https://host`: where the credentials may go. */
  readonly origin: string | undefined;
  /** A directory that is Git's home: it holds no configuration. */
  readonly home: string;
}

export interface GitCall {
  readonly directory: string;
  readonly args: readonly string[];
  readonly signal: AbortSignal;
  /** Most bytes that Git may print. */
  readonly limit: number;
  readonly input?: string;
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
  'fetch.recurseSubmodules=false',
  // Packs are what the size of the mirror is measured by.
  'fetch.unpackLimit=1',
  'gc.autoDetach=false',
  'gc.pruneExpire=now',
  'protocol.version=2',
];

/** Git's output as text. Rejects with a GitFailure, or with the signal's reason. */
export async function gitText(settings: GitSettings, call: GitCall): Promise<string> {
  return run(settings, call, async (git) => git.raw([...call.args]));
}

/** The contents of objects, as `git cat-file --batch` prints them. */
export async function gitObjects(settings: GitSettings, call: Omit<GitCall, 'args'>): Promise<Buffer> {
  const buffer = await run(
    settings,
    { ...call, args: ['cat-file', '--batch'] },
    async (git) => git.binaryCatFile(['--batch']) as Promise<unknown>,
  );
  if (!Buffer.isBuffer(buffer)) throw new GitFailure('git cat-file gave no bytes');
  return buffer;
}

async function run<T>(settings: GitSettings, call: GitCall, work: (git: ReturnType<typeof simpleGit>) => Promise<T>): Promise<T> {
  call.signal.throwIfAborted();
  const over = new AbortController();
  const credentials = settings.credentials();
  let printed = 0;
  const git = simpleGit({
    baseDir: call.directory,
    abort: AbortSignal.any([call.signal, over.signal]),
    config: CONFIG,
    completion: { onClose: true, onExit: false },
    errors: (error, result) => error ?? (result.exitCode === 0 ? undefined : Buffer.concat([...result.stdErr, Buffer.from(' ')])),
    unsafe: {
      // These guard against values from outside; here all of them are constants of this file.
      allowUnsafeConfigEnvCount: true,
      allowUnsafeConfigPaths: true,
      allowUnsafeFsMonitor: true,
      allowUnsafeHooksPath: true,
      allowUnsafeSshCommand: true,
      allowUnsafeTemplateDir: true,
    },
    allowEnvironment: Object.keys(environmentOf(settings, credentials)),
    ...(call.input === undefined ? {} : { input: () => call.input }),
  })
    .env(environmentOf(settings, credentials))
    .outputHandler((_command, stdout, stderr) => {
      // The programs that Git started for the network outlive it, and would hold us up for as long as the server is silent.
      call.signal.addEventListener('abort', () => void [stdout, stderr].forEach((stream) => void (stream as Readable).destroy()), {
        once: true,
      });
      stdout.on('data', (chunk: Buffer) => {
        printed += chunk.length;
        if (printed > call.limit) over.abort();
      });
    });
  try {
    return await work(git);
  } catch (error) {
    call.signal.throwIfAborted();
    if (over.signal.aborted) throw new GitFailure(`git ${call.args[0] ?? ''} printed more than ${call.limit} bytes`, { tooMuch: true });
    throw new GitFailure(lastWords(error, credentials));
  }
}

function environmentOf(settings: GitSettings, credentials: Credentials | undefined): Record<string, string> {
  const environment: Record<string, string> = {
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
    GIT_SSH_COMMAND: 'ssh -o BatchMode=yes -o ConnectTimeout=10',
  };
  if (credentials !== undefined && settings.origin !== undefined) {
    environment['GIT_CONFIG_COUNT'] = '1';
    environment['GIT_CONFIG_KEY_0'] = `http.${settings.origin}/.extraHeader`;
    environment['GIT_CONFIG_VALUE_0'] = `Authorization: Basic ${basic(credentials)}`;
  }
  return environment;
}

function basic({ username, password }: Credentials): string {
  return Buffer.from(`${username}:${password}`).toString('base64');
}

/** The line that says why; a hostile server may print anything, our own header included. */
function lastWords(error: unknown, credentials: Credentials | undefined): string {
  const text = error instanceof Error ? error.message : String(error);
  const lines = text.split(/[\r\n]+/).filter((line) => line.trim() !== '');
  const line = lines.find((candidate) => candidate.startsWith('fatal:')) ?? lines.at(-1) ?? 'git failed';
  if (credentials === undefined) return line.slice(0, 500);
  const secrets = [basic(credentials), credentials.password, encodeURIComponent(credentials.password), credentials.username];
  return secrets
    .filter((secret) => secret.length > 3)
    .reduce((rest, secret) => rest.replaceAll(secret, '***'), line)
    .slice(0, 500);
}

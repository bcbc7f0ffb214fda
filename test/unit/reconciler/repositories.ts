/** Real Git repositories for tests, and a server that serves them over HTTP with `git http-backend`. */
import { execFileSync, spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { pathToFileURL } from 'node:url';

const IDENTITY = { GIT_AUTHOR_NAME: 'A', GIT_AUTHOR_EMAIL: 'a@a.test', GIT_COMMITTER_NAME: 'A', GIT_COMMITTER_EMAIL: 'a@a.test' };
const CLEAN = { ...IDENTITY, GIT_CONFIG_GLOBAL: '/dev/null', GIT_CONFIG_NOSYSTEM: '1', HOME: '/nonexistent' };

export class Repository {
  readonly home: string;
  readonly bare: string;
  readonly work: string;

  /** A bare repository with a clone beside it; no commit yet. */
  constructor(options: { readonly empty?: boolean } = {}) {
    this.home = mkdtempSync(join(tmpdir(), 'parapet-git-'));
    this.bare = join(this.home, 'policies.git');
    this.work = join(this.home, 'work');
    this.git(['init', '--quiet', '--bare', '--initial-branch=main', '--template=', this.bare], this.home);
    mkdirSync(join(this.bare, 'hooks'));
    this.git(['init', '--quiet', '--initial-branch=main', '--template=', this.work], this.home);
    this.git(['config', 'remote.origin.url', this.bare]);
    if (options.empty !== true) this.commit({ 'main.ts': 'export {};\n' });
  }

  get url(): string {
    return pathToFileURL(this.bare).href;
  }

  git(args: readonly string[], directory = this.work, input = ''): string {
    return execFileSync('git', args, {
      cwd: directory,
      input,
      encoding: 'utf8',
      env: { ...process.env, ...CLEAN },
      stdio: ['pipe', 'pipe', 'pipe'],
    }).trim();
  }

  /** Writes files (a text, or nothing to remove one), commits and pushes; gives the commit. */
  commit(files: Readonly<Record<string, string | undefined>>, push: readonly string[] = ['HEAD:main']): string {
    for (const [name, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.work, name)), { recursive: true });
      if (text === undefined) rmSync(join(this.work, name));
      else writeFileSync(join(this.work, name), text);
    }
    this.git(['add', '--all']);
    return this.#push(push);
  }

  /** A commit of a tree that Git itself would not have made: `mode path\0` to content. */
  forge(entries: readonly { readonly mode: string; readonly name: string; readonly content: string }[]): string {
    const lines = entries.map(({ mode, name, content }) => {
      const object = mode === '160000' ? '1'.repeat(40) : this.git(['hash-object', '-w', '--stdin'], this.work, content);
      return Buffer.concat([Buffer.from(`${mode} ${name}\0`), Buffer.from(object, 'hex')]);
    });
    writeFileSync(join(this.home, 'tree'), Buffer.concat(lines));
    const tree = this.git(['hash-object', '-w', '-t', 'tree', '--literally', join(this.home, 'tree')]);
    const commit = this.git(['commit-tree', tree, '-m', 'forged']);
    this.git(['push', '--quiet', '--force', 'origin', `${commit}:refs/heads/main`]);
    return commit;
  }

  #push(push: readonly string[]): string {
    this.git(['commit', '--quiet', '--allow-empty', '--message', 'change']);
    this.git(['push', '--quiet', '--force', 'origin', ...push]);
    return this.git(['rev-parse', 'HEAD']);
  }

  remove(): void {
    rmSync(this.home, { recursive: true, force: true });
  }
}

export interface GitServerOptions {
  readonly user?: string;
  readonly password?: string;
  readonly allowed?: (header: string | undefined) => boolean;
  readonly spying?: boolean;
  readonly tls?: { readonly key: string; readonly cert: string };
}

export interface GitServer {
  readonly url: string;
  /** Authorization headers of the requests, in order. */
  readonly asked: (string | undefined)[];
  /** With `spying`: command lines of every process on the machine, as they were during each request. */
  readonly commandLines: string[];
  /** What the server does instead of serving. */
  mode: 'serve' | 'hang' | 'drop' | 'redirect' | 500 | ((request: IncomingMessage, response: ServerResponse) => void);
  close(): Promise<void>;
}

/** The header of who knows both. */
export const basicOf = (user: string, password: string): string => `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}`;

/**
 * Serves every repository below `root` to who knows `user` and `password`, or sends a header that `allowed` takes; over TLS with a key and a
 * certificate.
 */
export async function serveGit(
  root: string,
  { user = '', password = '', allowed = (header) => header === basicOf(user, password), tls, spying = false }: GitServerOptions,
): Promise<GitServer> {
  const serve = (request: IncomingMessage, response: ServerResponse): void => {
    state.asked.push(request.headers.authorization);
    if (spying) state.commandLines.push(...commandLines());
    if (state.mode === 'hang') return;
    if (state.mode === 'drop') return void request.socket.destroy();
    if (state.mode === 'redirect') return void response.writeHead(302, { location: `http://localhost:9/${request.url ?? ''}` }).end();
    if (state.mode === 500) return void response.writeHead(500).end();
    if (typeof state.mode === 'function') return state.mode(request, response);
    if (!allowed(request.headers.authorization))
      return void response.writeHead(401, { 'www-authenticate': 'Basic realm="policies"' }).end();
    backend(root, request, response);
  };
  const server = tls === undefined ? createServer(serve) : createTlsServer(tls, serve);
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  const state: GitServer = {
    url: `${tls === undefined ? 'http' : 'https'}://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked: [],
    commandLines: [],
    mode: 'serve',
    close: () =>
      new Promise((closed) => {
        server.close(() => closed());
        server.closeAllConnections();
      }),
  };
  return state;
}

function commandLines(): string[] {
  return readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => {
      try {
        return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      } catch {
        return '';
      }
    });
}

/** One request through the CGI program that comes with Git. */
function backend(root: string, request: IncomingMessage, response: ServerResponse): void {
  const { pathname, search } = new URL(request.url ?? '/', 'http://localhost');
  const child = spawn('git', ['http-backend'], {
    env: {
      ...process.env,
      ...CLEAN,
      GIT_PROJECT_ROOT: root,
      GIT_HTTP_EXPORT_ALL: '1',
      GIT_PROTOCOL: String(request.headers['git-protocol'] ?? ''),
      PATH_INFO: decodeURIComponent(pathname),
      QUERY_STRING: search.slice(1),
      REQUEST_METHOD: request.method,
      CONTENT_TYPE: request.headers['content-type'] ?? '',
      HTTP_CONTENT_ENCODING: request.headers['content-encoding'] ?? '',
    },
    stdio: ['pipe', 'pipe', 'ignore'],
  });
  request.pipe(child.stdin);
  const chunks: Buffer[] = [];
  child.stdout.on('data', (chunk: Buffer) => chunks.push(chunk));
  child.once('close', () => {
    const all = Buffer.concat(chunks);
    const end = all.indexOf('\r\n\r\n');
    const headers = all
      .toString('latin1', 0, end)
      .split('\r\n')
      .map((line) => line.split(': ') as [string, string]);
    const status = headers.find(([name]) => name === 'Status')?.[1] ?? '200';
    response.writeHead(Number.parseInt(status, 10), Object.fromEntries(headers.filter(([name]) => name !== 'Status')));
    response.end(all.subarray(end + 4));
  });
}

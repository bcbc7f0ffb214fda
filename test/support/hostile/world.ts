/** What a repository must not get: files outside of it, secrets, a listener to talk to. Tells what was touched. */
import { randomBytes } from 'node:crypto';
import { createSocket } from 'node:dgram';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, statSync, utimesSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';

/** Long ago: the next time somebody reads the file, the kernel notes it. */
const UNREAD = new Date('2000-01-01T00:00:00Z');

export interface World {
  /** A directory of this family alone, real path. */
  readonly home: string;
  /** Where the secrets are, and how a program's folder would get there. */
  readonly outside: string;
  readonly beside: string;
  /** Is in every secret file. */
  readonly canary: string;
  /** On 127.0.0.1, TCP and UDP. */
  readonly port: number;
  /** What was touched since the world was opened or this was asked last. */
  touched(): readonly string[];
  close(): void;
}

/** A world of its own for one family. */
export async function openWorld(): Promise<World> {
  const home = realpathSync(mkdtempSync(join(placeThatNotesReading(), 'parapet-hostile-')));
  const outside = join(home, 'outside');
  const canary = `canary-${randomBytes(6).toString('hex')}`;
  const files = Object.entries(secrets(canary));
  for (const [name, text] of files) {
    mkdirSync(dirname(join(outside, name)), { recursive: true });
    writeFileSync(join(outside, name), text);
  }
  const calls: string[] = [];
  const tcp = createServer((socket) => {
    calls.push('the listener was connected to');
    socket.on('error', () => undefined).destroy();
  });
  await new Promise<void>((done) => tcp.listen(0, '127.0.0.1', done));
  const { port } = tcp.address() as AddressInfo;
  const udp = createSocket('udp4', () => calls.push('the listener got a packet'));
  await new Promise<void>((done) => udp.bind(port, '127.0.0.1', done));
  const watched = [...new Set(['.', ...files.flatMap(([name]) => [name, dirname(name)])])].map((name) => join(outside, name));
  const forget = (): void => watched.forEach((path) => utimesSync(path, UNREAD, statSync(path).mtime));
  const known = readdirSync(outside, { recursive: true }).length;
  forget();
  const touched = (): string[] => {
    const read = watched.filter((path) => statSync(path).atimeMs !== UNREAD.getTime()).map((path) => `${path} was read`);
    const wrong = files.filter(([name, text]) => readFileSync(join(outside, name), 'utf8') !== text);
    const grown = readdirSync(outside, { recursive: true }).length !== known;
    forget();
    return [...calls.splice(0), ...read, ...wrong.map(([name]) => `${name} was changed`), ...(grown ? ['a file outside was made'] : [])];
  };
  const close = (): void => {
    tcp.close();
    udp.close();
    rmSync(home, { recursive: true, force: true });
  };
  return { home, outside, beside: '../../outside', canary, port, touched, close };
}

function secrets(canary: string): Readonly<Record<string, string>> {
  return {
    'secret.ts': `export const secret = '${canary}'; export default secret;\n`,
    'secret.json': `{ "compilerOptions": { "jsxFactory": "${canary}" }, "main": "${canary}", "secret": "${canary}" }`,
    'secret.txt': canary,
    'index.js': `exports.secret = '${canary}';\n`,
    'package.json': `{ "name": "outside", "main": "index.js", "version": "${canary}" }`,
    'node_modules/house/index.js': `module.exports = '${canary}';\n`,
    'var/run/secrets/kubernetes.io/serviceaccount/token': `${canary}\n`,
    '.git/config': `[remote "origin"]\n\turl = https://${canary}@git.test/\n`,
  };
}

let noting: string | undefined;

/** A directory of temporary files on a file system that notes when files are read. */
function placeThatNotesReading(): string {
  noting ??= [tmpdir(), '/dev/shm', '/var/tmp'].find((place) => {
    const folder = mkdtempSync(join(place, 'parapet-atime-'));
    try {
      const file = join(folder, 'file');
      writeFileSync(file, 'x');
      utimesSync(file, UNREAD, new Date());
      readFileSync(file);
      return statSync(file).atimeMs !== UNREAD.getTime();
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
  if (noting === undefined) throw new Error('no file system here notes when files are read: mount /tmp or /dev/shm with relatime');
  return noting;
}

/** `fs` for policy programs: a file system in memory that starts empty. What `app.synth()` writes into it are the manifests. */
import { Buffer } from 'buffer';
import path from 'path-browserify';
import { refuse } from './forbid.ts';

type Encoding = string | { readonly encoding?: string | null } | null | undefined;

const files = new Map<string, Buffer>();
const directories = new Set<string>(['/', '/tmp']);
let temporary = 0;
// The engine's own, because `buffer` turns text to bytes and back one character at a time.
const encoder = new TextEncoder();
const decoder = new TextDecoder('utf-8', { ignoreBOM: true });

const located = (name: unknown): string => {
  if (name instanceof URL) return path.resolve('/', decodeURIComponent(name.pathname));
  return path.resolve('/', String(name));
};

function failure(code: string, text: string): never {
  throw Object.assign(new Error(`${code}: ${text}`), { code });
}

function makeDirectory(name: unknown, options?: { readonly recursive?: boolean } | number): string | undefined {
  const target = located(name);
  const recursive = typeof options === 'object' && options.recursive === true;
  if (directories.has(target) && !recursive) failure('EEXIST', `file already exists, mkdir '${target}'`);
  if (files.has(target)) failure('EEXIST', `file already exists, mkdir '${target}'`);
  for (let each = target; each !== '/'; each = path.dirname(each)) directories.add(each);
  return undefined;
}

function toBuffer(data: unknown, encoding: Encoding): Buffer {
  if (typeof data === 'string') {
    const wanted = (typeof encoding === 'string' ? encoding : (encoding?.encoding ?? 'utf8')).toLowerCase();
    return wanted === 'utf8' || wanted === 'utf-8' ? Buffer.from(encoder.encode(data).buffer) : Buffer.from(data, wanted as 'latin1');
  }
  if (data instanceof Uint8Array) return Buffer.from(data);
  throw new TypeError('The "data" argument must be of type string or an instance of Buffer, TypedArray, or DataView.');
}

function write(name: unknown, data: unknown, encoding?: Encoding): void {
  const target = located(name);
  if (directories.has(target)) failure('EISDIR', `illegal operation on a directory, open '${target}'`);
  if (!directories.has(path.dirname(target))) failure('ENOENT', `no such file or directory, open '${target}'`);
  files.set(target, toBuffer(data, encoding));
}

function append(name: unknown, data: unknown, encoding?: Encoding): void {
  const before = files.get(located(name));
  write(name, before === undefined ? data : Buffer.concat([before, toBuffer(data, encoding)]), encoding);
}

/** Only what the program itself wrote can be read back. */
function read(name: unknown, encoding?: Encoding): string | Buffer {
  const found = files.get(located(name));
  if (found === undefined) return refuse({ module: 'fs', name: 'readFileSync', args: [String(name)], doing: 'reading files' });
  const wanted = typeof encoding === 'string' ? encoding : encoding?.encoding;
  return wanted === undefined || wanted === null ? Buffer.from(found) : found.toString(wanted as 'utf8');
}

function children(name: unknown): string[] {
  const target = located(name);
  if (!directories.has(target)) refuse({ module: 'fs', name: 'readdirSync', args: [String(name)], doing: 'reading folders' });
  const all = [...files.keys(), ...directories].filter((each) => each !== '/' && path.dirname(each) === target);
  return all.map((each) => path.basename(each)).sort();
}

function stat(name: unknown, options?: { readonly throwIfNoEntry?: boolean }): object | undefined {
  const target = located(name);
  const file = files.get(target);
  if (file === undefined && !directories.has(target)) {
    if (options?.throwIfNoEntry === false) return undefined;
    return refuse({ module: 'fs', name: 'statSync', args: [String(name)], doing: 'reading files' });
  }
  const time = new Date();
  return {
    size: file?.length ?? 0,
    mode: file === undefined ? 0o40755 : 0o100644,
    mtime: time,
    ctime: time,
    atime: time,
    mtimeMs: time.getTime(),
    isFile: () => file !== undefined,
    isDirectory: () => file === undefined,
    isSymbolicLink: () => false,
  };
}

function remove(name: unknown): void {
  const target = located(name);
  for (const each of [...files.keys()]) if (each === target || each.startsWith(`${target}/`)) files.delete(each);
  for (const each of [...directories]) if (each !== '/' && (each === target || each.startsWith(`${target}/`))) directories.delete(each);
}

function move(from: unknown, to: unknown): void {
  write(to, read(from));
  files.delete(located(from));
}

const sync = {
  mkdirSync: makeDirectory,
  writeFileSync: write,
  appendFileSync: append,
  readFileSync: read,
  existsSync: (name: unknown) => files.has(located(name)) || directories.has(located(name)),
  readdirSync: children,
  statSync: stat,
  lstatSync: stat,
  rmSync: remove,
  unlinkSync: remove,
  rmdirSync: remove,
  renameSync: move,
  copyFileSync: (from: unknown, to: unknown) => write(to, read(from)),
  mkdtempSync: (prefix: unknown) => {
    const made = `${String(prefix)}${String((temporary += 1)).padStart(6, '0')}`;
    makeDirectory(made, { recursive: true });
    return made;
  },
};

const promises = Object.fromEntries(
  Object.entries(sync)
    .filter(([name]) => name !== 'existsSync')
    .map(([name, work]) => [
      name.slice(0, -'Sync'.length),
      // Done at once, so that the stack of a refusal still shows who called.
      (...args: unknown[]) => new Promise((resolve) => resolve((work as (...all: unknown[]) => unknown)(...args))),
    ]),
);

/** Members of `fs` that work; everything else is refused by the guard around them. */
export const fileSystem = { ...sync, constants: { F_OK: 0, R_OK: 4, W_OK: 2, X_OK: 1 } };
export const filePromises = promises;

/** What was written, in order, and whether anything was (an app without charts only makes its folder). */
export function written(): { readonly touched: boolean; readonly files: readonly (readonly [string, string])[] } {
  return { touched: directories.size > 2 || files.size > 0, files: [...files].map(([name, data]) => [name, decoder.decode(data)]) };
}

/** Reads a repository's `package-lock.json`, which is hostile input. Pure: text in, what it names out. */

/** A package that the lock file pins. */
export interface Pinned {
  readonly kind: 'pinned';
  /** Where the package is: `node_modules/cdk8s`. */
  readonly key: string;
  /** What the package is called where it is published; another name than in `key` for an alias. */
  readonly name: string;
  readonly version: string;
  /** `sha512-…`, as the lock file has it. */
  readonly integrity: string;
}

/** An entry that can't be followed. */
export interface Unusable {
  readonly kind: 'unusable';
  readonly key: string;
  readonly version: string | undefined;
  /** What is wrong with it, as the end of a sentence that begins with the entry. */
  readonly why: string;
  readonly hint: string;
}

export type LockEntry = Pinned | Unusable;

/** Why a lock file as a whole can't be followed. */
export interface LockTrouble {
  readonly message: string;
  readonly hint: string;
}

const MAX_PACKAGES = 20_000;
const MAX_KEY = 1_000;
const NAME = String.raw`(?:@[\w~-][\w.~-]*\/)?(?!node_modules(?:\/|$))[\w~-][\w.~-]*`;
const KEY = new RegExp(String.raw`^node_modules\/${NAME}(?:\/node_modules\/${NAME})*$`);
const WHOLE_NAME = new RegExp(`^${NAME}$`);
const VERSION = /^[0-9A-Za-z][0-9A-Za-z.+-]{0,127}$/;
const SHA512 = /^sha512-[A-Za-z0-9+/]{86}==$/;
const ANEW = 'write it anew with npm 7 or newer: npm install --package-lock-only';

type Fields = Readonly<Record<string, unknown>>;

const isMap = (value: unknown): value is Fields => typeof value === 'object' && value !== null && !Array.isArray(value);

/** What a lock file names. Never throws for what is in the text. */
export class LockFile {
  readonly #text: string;
  /** By key; only keys that are ways to a package below `node_modules`. */
  readonly #entries: ReadonlyMap<string, unknown>;

  private constructor(text: string, entries: ReadonlyMap<string, unknown>) {
    this.#text = text;
    this.#entries = entries;
  }

  /** Reads the text of a lock file of version 2 or 3, which npm 7 and newer write. */
  static read(text: string): LockFile | LockTrouble {
    let json: unknown;
    try {
      json = JSON.parse(text);
    } catch {
      return { message: 'it is not JSON', hint: ANEW };
    }
    if (!isMap(json)) return { message: 'it is not a lock file of npm', hint: ANEW };
    const version = Object.hasOwn(json, 'lockfileVersion') ? json['lockfileVersion'] : undefined;
    if (version !== 2 && version !== 3) return { message: 'its lockfileVersion is not 2 or 3', hint: ANEW };
    const packages = Object.hasOwn(json, 'packages') ? json['packages'] : undefined;
    if (!isMap(packages)) return { message: 'it has no map of packages', hint: ANEW };
    const keys = Object.keys(packages);
    if (keys.length > MAX_PACKAGES) return { message: `it names more than ${MAX_PACKAGES} packages`, hint: 'depend on fewer packages' };
    return new LockFile(text, new Map(keys.filter(isKey).map((key) => [key, packages[key]])));
  }

  /** The package at `key`; `undefined` when there is none that a program is to get: development dependencies, and what is for other platforms. */
  entry(key: string): LockEntry | undefined {
    const fields = this.#entries.get(key);
    if (fields === undefined || isBundled(fields) || isUnneeded(fields)) return undefined;
    return isMap(fields)
      ? readEntry(key, fields)
      : { kind: 'unusable', key, version: undefined, why: 'is not a map of fields', hint: ANEW };
  }

  /** Whether the package at `key` is there for development only. */
  isForDevelopment(key: string): boolean {
    const fields = this.#entries.get(key);
    return isMap(fields) && fields['dev'] === true;
  }

  /** The key of the innermost package that the path lies in, which has an archive of its own; `path` is relative to the lock file's folder. */
  owner(path: string): string | undefined {
    for (let key = keyIn(path); key !== undefined; key = keyIn(key.slice(0, key.lastIndexOf('/node_modules/') + 1)))
      if (this.entry(key) !== undefined) return key;
    return undefined;
  }

  /** The line that the entry begins on, where it is written as npm writes it. */
  lineOf(key: string): number | undefined {
    const at = this.#text.indexOf(`${JSON.stringify(key)}:`);
    return at === -1 ? undefined : this.#text.slice(0, at).split('\n').length;
  }
}

function isKey(key: string): boolean {
  return key.length <= MAX_KEY && KEY.test(key);
}

/** The longest key that `path` begins with: `node_modules/a/node_modules/@b/c` of `node_modules/a/node_modules/@b/c/lib/d.js`. */
function keyIn(path: string): string | undefined {
  const start = path.startsWith('node_modules/') ? path.lastIndexOf('/node_modules/') + 1 : -1;
  if (start === -1) return undefined;
  const [, scopeOrName = '', name = ''] = path.slice(start).split('/');
  const end = scopeOrName.startsWith('@') ? `${scopeOrName}/${name}` : scopeOrName;
  return end === '' ? undefined : `${path.slice(0, start)}node_modules/${end}`;
}

/** Packages that are in the archive of the one that they are within. */
const isBundled = (fields: unknown): boolean => isMap(fields) && fields['inBundle'] === true;

/** The sandbox is Linux of no processor, wherever it runs: what is for one processor is native code, which no program can use. */
function isUnneeded(fields: unknown): boolean {
  if (!isMap(fields)) return false;
  if (fields['dev'] === true || fields['extraneous'] === true) return true;
  if (fields['optional'] !== true && fields['devOptional'] !== true) return false;
  return fields['cpu'] !== undefined || fields['libc'] !== undefined || !isForLinux(fields['os']);
}

function isForLinux(systems: unknown): boolean {
  if (systems === undefined) return true;
  const named: readonly unknown[] = Array.isArray(systems) ? systems : [systems];
  if (named.includes('!linux')) return false;
  return named.every((system) => typeof system === 'string' && system.startsWith('!')) || named.includes('linux') || named.includes('any');
}

function readEntry(key: string, fields: Fields): LockEntry {
  const { link, resolved, integrity } = fields;
  const version = typeof fields['version'] === 'string' && VERSION.test(fields['version']) ? fields['version'] : undefined;
  const name = fields['name'] ?? key.slice(key.lastIndexOf('node_modules/') + 'node_modules/'.length);
  const unusable = (why: string, hint: string): Unusable => ({ kind: 'unusable', key, version, why, hint });
  if (link === true) return unusable('is a link to a folder', 'import files of the repository by a path that starts with ./ or ../');
  if (resolved !== undefined && !isFromRegistry(resolved))
    return unusable('is not from a registry', 'depend on a published version, or commit the package in node_modules');
  if (typeof name !== 'string' || name.length > 214 || !WHOLE_NAME.test(name)) return unusable('has a name that no package can have', ANEW);
  if (version === undefined) return unusable('has no version', ANEW);
  const hashes = typeof integrity === 'string' ? integrity.slice(0, MAX_KEY).split(/\s+/) : [];
  const sha512 = hashes.filter((hash) => SHA512.test(hash));
  if (sha512[0] === undefined) {
    const why = hashes.length === 0 ? 'has no integrity' : 'has no sha512 integrity';
    return unusable(why, `${ANEW}, from a registry that gives one, after npm cache clean --force`);
  }
  if (sha512.length > 1) return unusable('has more than one sha512 integrity', ANEW);
  return { kind: 'pinned', key, name, version, integrity: sha512[0] };
}

const isFromRegistry = (resolved: unknown): boolean => typeof resolved === 'string' && /^https?:\/\//i.test(resolved);

/** Package stores for tests: archives as registries publish them, and lock files that name them. */
import { createHash } from 'node:crypto';
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, realpathSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join, relative } from 'node:path';
import { buffer } from 'node:stream/consumers';
import { gzipSync } from 'node:zlib';
import { afterAll } from '@jest/globals';
import { pack } from 'tar-stream';
import type { Header } from 'tar-stream';

export type ArchiveEntry = Partial<Header> & { readonly name: string; readonly content?: string | Buffer };

const made: string[] = [];
afterAll(() => made.forEach((folder) => rmSync(folder, { recursive: true, force: true })));

/** A `.tgz` with these entries, whatever they are. */
export async function archiveOf(entries: readonly ArchiveEntry[]): Promise<Buffer> {
  const tar = pack();
  const read = buffer(tar);
  for (const { content = '', ...header } of entries) tar.entry({ mtime: new Date(0), ...header }, content);
  tar.finalize();
  return gzipSync(await read);
}

/** A package's `.tgz`; a package.json with its name and version is among its files. */
export function packageOf(name: string, version: string, files: Readonly<Record<string, string | Buffer>>): Promise<Buffer> {
  const all = { 'package.json': JSON.stringify({ name, version }), ...files };
  return archiveOf(Object.entries(all).map(([file, content]) => ({ name: `package/${file}`, content })));
}

/** The files of a folder, those of packages in it as well. */
export function filesIn(folder: string): Record<string, Buffer> {
  const entries = readdirSync(folder, { recursive: true, withFileTypes: true }).filter((entry) => entry.isFile());
  return Object.fromEntries(
    entries.map((entry) => join(entry.parentPath, entry.name)).map((file) => [relative(folder, file), readFileSync(file)]),
  );
}

export const integrityOf = (archive: Buffer): string => `sha512-${createHash('sha512').update(archive).digest('base64')}`;

/** A package store with nothing in it. */
export function emptyStore(): string {
  const folder = realpathSync(mkdtempSync(join(tmpdir(), 'parapet-store-')));
  made.push(folder);
  mkdirSync(join(folder, '_cacache'));
  return folder;
}

/** The file in which npm's cache keeps what has this integrity. */
export function fileIn(store: string, integrity: string): string {
  const hex = Buffer.from(integrity.slice('sha512-'.length), 'base64').toString('hex');
  return join(store, '_cacache/content-v2/sha512', hex.slice(0, 2), hex.slice(2, 4), hex.slice(4));
}

/** Puts an archive where npm would, or something else than what its name promises. */
export function put(store: string, archive: Buffer, content: Buffer = archive): void {
  const file = fileIn(store, integrityOf(archive));
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, content);
}

export type LockedEntry = Readonly<Record<string, unknown>>;

/** A lock file as npm writes it: entries by what comes after the first `node_modules/`. */
export function lockOf(packages: Readonly<Record<string, LockedEntry>>): string {
  const entries = Object.entries(packages).map(([key, entry]) => [`node_modules/${key}`, entry] as const);
  const all: Record<string, LockedEntry> = { '': {}, ...Object.fromEntries(entries) };
  return JSON.stringify({ name: 'policies', lockfileVersion: 3, packages: all }, undefined, 2);
}

/** An entry of a lock file. */
export const lockedAs = (version: string, archive: Buffer): LockedEntry => ({
  version,
  resolved: `https://registry.npmjs.org/any/-/any-${version}.tgz`,
  integrity: integrityOf(archive),
});

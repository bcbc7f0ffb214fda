/** Manifests from files, directories and standard input, each with the lines of its fields. */
import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { text as textOf } from 'node:stream/consumers';
import type { FieldPath, Manifest, Problem } from '@parapet/policy';
import { isMap, isNode, LineCounter, parseAllDocuments } from 'yaml';
import type { Document } from 'yaml';

const SUFFIX = /\.(ya?ml|json)$/;

export interface ReadManifests {
  readonly manifests: readonly Manifest[];
  readonly problems: readonly Problem[];
}

/**
 * Reads every YAML and JSON document of `places`: files, directories (at any depth, without names that start with a dot and
 * `node_modules`), `-` for standard input. What can't be read is a problem.
 */
export async function readManifests(places: readonly string[]): Promise<ReadManifests> {
  const read = await Promise.all(places.map(readPlace));
  return { manifests: read.flatMap(({ manifests }) => manifests), problems: read.flatMap(({ problems }) => problems) };
}

async function readPlace(place: string): Promise<ReadManifests> {
  try {
    if (place === '-') return parseManifests('stdin', await textOf(process.stdin));
    if ((await stat(place)).isDirectory()) return await readDirectory(place);
    return parseManifests(place, await readFile(place, 'utf8'));
  } catch (error) {
    return { manifests: [], problems: [unreadable(place, error)] };
  }
}

async function readDirectory(directory: string): Promise<ReadManifests> {
  const entries = (await readdir(directory, { withFileTypes: true })).sort((a, b) => (a.name < b.name ? -1 : 1));
  const wanted = entries.filter((entry) => !entry.name.startsWith('.') && entry.name !== 'node_modules');
  return readManifests(wanted.filter((entry) => entry.isDirectory() || SUFFIX.test(entry.name)).map(({ name }) => join(directory, name)));
}

/** The documents of one file; a file with a syntax error gives none. */
export function parseManifests(file: string, text: string): ReadManifests {
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false });
  const documents: readonly Document.Parsed[] = Array.isArray(parsed) ? parsed : [];
  const problems = documents.flatMap(({ errors }) => errors.map(({ message, pos }) => syntaxError(file, message, lines.linePos(pos[0]))));
  if (problems.length > 0) return { manifests: [], problems };
  const manifests: Manifest[] = [];
  for (const document of documents) {
    try {
      const value: unknown = document.toJS();
      if (value !== null) manifests.push({ file, value, lineOf: (path) => lineOf({ document, lines, path }) });
    } catch (error) {
      problems.push(syntaxError(file, (error as Error).message, lines.linePos(document.range[0])));
    }
  }
  return { manifests, problems };
}

function lineOf({ document, lines, path }: { document: Document.Parsed; lines: LineCounter; path: FieldPath }): number | undefined {
  if (path.length === 0) return document.contents?.range === undefined ? undefined : lines.linePos(document.contents.range[0]).line;
  const parent: unknown = path.length === 1 ? document.contents : document.getIn(path.slice(0, -1), true);
  const last = String(path.at(-1));
  const key = isMap(parent) ? parent.items.find((pair) => isNode(pair.key) && String(pair.key) === last)?.key : document.getIn(path, true);
  const start = isNode(key) ? key.range?.[0] : undefined;
  return start === undefined ? undefined : lines.linePos(start).line;
}

function syntaxError(file: string, message: string, at: { readonly line: number; readonly col: number }): Problem {
  return { code: 'yaml-syntax', severity: 'error', place: { file, line: at.line, column: at.col }, message };
}

function unreadable(file: string, error: unknown): Problem {
  const code = (error as NodeJS.ErrnoException | undefined)?.code ?? String(error);
  const message = code === 'ENOENT' ? 'there is no such file or directory' : `cannot be read: ${code}`;
  return { code: 'file-unreadable', severity: 'error', place: { file }, message };
}

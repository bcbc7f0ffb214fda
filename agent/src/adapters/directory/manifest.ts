/** One file of manifests: its YAML documents (JSON is YAML), each with the lines of its fields. */
import { isMap, LineCounter, parseAllDocuments } from 'yaml';
import type { Document, ParsedNode } from 'yaml';
import type { Problem } from '@parapet/policy';
import type { ManifestFile } from '../../ports.ts';
import { unreadable } from './scan.ts';

export const MAX_BYTES = 1024 * 1024;
/** More aliases than this in one document are an attack on memory, not a policy. */
const MAX_ALIASES = 100;

type Documents = ManifestFile['documents'];

/** Parses the bytes of `file`. A syntax error anywhere makes the file broken as a whole: what follows it cannot be trusted. */
export function readManifests(file: string, bytes: Uint8Array): ManifestFile {
  if (bytes.length > MAX_BYTES)
    return broken(file, [unreadable(file, `has ${bytes.length} bytes, and at most ${MAX_BYTES} are read`, 'split it')]);
  let text: string;
  try {
    text = new TextDecoder('utf-8', { fatal: true }).decode(bytes);
  } catch {
    return broken(file, [unreadable(file, 'is not UTF-8 text')]);
  }
  const lines = new LineCounter();
  const parsed = parseAllDocuments(text, { lineCounter: lines, prettyErrors: false, uniqueKeys: true });
  const trees: readonly Document.Parsed[] = Array.isArray(parsed) ? parsed : [];
  const problems = trees.flatMap((tree) => tree.errors.map((error) => syntax(file, error.message, lines.linePos(error.pos[0]))));
  if (problems.length > 0) return broken(file, problems);
  const documents: Documents[number][] = [];
  for (const tree of trees) {
    try {
      const value: unknown = tree.toJS({ maxAliasCount: MAX_ALIASES });
      documents.push({ value, lineOf: (path) => lineOf({ tree, lines, path }) });
    } catch (error) {
      const at = lines.linePos(tree.range[0]);
      problems.push(syntax(file, error instanceof Error ? (error.message.split('\n')[0] ?? '') : 'cannot be read', at));
    }
  }
  return problems.length > 0 ? broken(file, problems) : { file, documents, problems };
}

/** A file of which nothing can be used. */
export function broken(file: string, problems: readonly Problem[]): ManifestFile {
  return { file, documents: [], problems };
}

function syntax(file: string, message: string, at: { readonly line: number; readonly col: number }): Problem {
  return {
    code: 'yaml-syntax',
    severity: 'error',
    place: { file, line: at.line, column: at.col },
    message: message.replace(/[\s.]+$/, ''),
  };
}

/** The line of the key (or list item) at `path`; of the nearest one above it where it is not there, as for a missing field. */
function lineOf(at: { tree: Document.Parsed; lines: LineCounter; path: readonly (string | number)[] }): number | undefined {
  for (let length = at.path.length; length >= 0; length -= 1) {
    const offset = offsetOf(at.tree, at.path.slice(0, length));
    if (offset !== undefined) return at.lines.linePos(offset).line;
  }
  return undefined;
}

function offsetOf(tree: Document.Parsed, path: readonly (string | number)[]): number | undefined {
  const last = path.at(-1);
  if (last === undefined) return tree.contents?.range[0];
  const parent: unknown = path.length === 1 ? tree.contents : tree.getIn(path.slice(0, -1), true);
  if (isMap(parent)) {
    const pair = parent.items.find(({ key }) => String((key as { value?: unknown } | null)?.value ?? key) === String(last));
    return (pair?.key as ParsedNode | undefined)?.range[0];
  }
  const node: unknown = tree.getIn(path, true);
  return (node as ParsedNode | undefined)?.range?.[0];
}

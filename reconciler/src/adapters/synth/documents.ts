/** From the files that a program wrote to JSON. Runs in the sandbox process, because the text is the program's and parsing costs time. */
import { parseAllDocuments } from 'yaml';
import { bytesText } from './limits.ts';
import type { SandboxAnswer, SandboxRequest, WrittenFile } from './sandbox-protocol.ts';

/** What an API server would refuse anyway: etcd holds no object larger than this. */
const MAX_DOCUMENT = 1536 * 1024;
const MAX_ALIASES = 100;
const MAX_DEPTH = 64;
/** What is wrong with one file; the rest mostly follows from the first. */
const MAX_ERRORS = 10;
const MAX_VALUES = 200_000;

type Bounds = Pick<SandboxRequest, 'outputBytes' | 'manifests'>;

/** The YAML and JSON files among `files`, each document as JSON text; `ended` is `output` with `excess` when it is too much. */
export function readDocuments(
  files: readonly (readonly [string, string])[],
  bounds: Bounds,
): Pick<SandboxAnswer, 'ended' | 'files'> & { readonly excess?: string } {
  const manifests = files.filter(([path]) => /\.(ya?ml|json)$/i.test(path) && !path.startsWith('/tmp/'));
  const size = manifests.reduce((sum, [, text]) => sum + Buffer.byteLength(text), 0);
  if (size > bounds.outputBytes)
    return { ended: 'output', files: [], excess: `${bytesText(size)} of manifests, more than ${bytesText(bounds.outputBytes)}` };
  if (manifests.length > bounds.manifests) return { ended: 'output', files: [], excess: `more than ${bounds.manifests} files` };
  const read: WrittenFile[] = [];
  let bytes = 0;
  let count = 0;
  for (const [path, text] of manifests) {
    const file = readFile(path, text, bounds.manifests);
    count += file.documents.length;
    if (count > bounds.manifests) return { ended: 'output', files: [], excess: `more than ${bounds.manifests} manifests` };
    // Aliases say much in few words.
    bytes += file.documents.reduce((sum, document) => sum + document.length, 0);
    if (bytes > bounds.outputBytes)
      return { ended: 'output', files: [], excess: `more than ${bytesText(bounds.outputBytes)} of manifests` };
    read.push(file);
  }
  return { ended: 'done', files: read };
}

/** One document more than `most` is enough to know that there are too many. */
function readFile(path: string, text: string, most: number): WrittenFile {
  const documents: string[] = [];
  const errors: string[] = [];
  for (const chunk of chunks(text)) {
    if (documents.length > most) break;
    if (chunk.length > MAX_DOCUMENT) {
      errors.push(`a manifest of ${bytesText(chunk.length)} is too large to be stored`);
      continue;
    }
    try {
      const json = exactJson(chunk);
      if (json !== undefined) {
        documents.push(...jsonOf(json));
        continue;
      }
      // YAML 1.1, as cdk8s writes and Kubernetes reads it.
      for (const document of parseAllDocuments(chunk, { version: '1.1', prettyErrors: false, logLevel: 'silent' })) {
        if (document.errors.length > 0) errors.push(...document.errors.map(parserWords));
        else documents.push(...jsonOf(document.toJS({ maxAliasCount: MAX_ALIASES })));
      }
    } catch (error) {
      errors.push(parserWords(error));
    }
  }
  return { path, documents, errors: [...new Set(errors)].slice(0, MAX_ERRORS) };
}

/** What the parser says, or what it means when the parser itself runs out of stack. */
export function parserWords(error: unknown): string {
  const message = error instanceof Error ? error.message : 'not readable';
  return /stack/i.test(message) ? 'nested too deeply to be read' : message;
}

/**
 * The value of a map in JSON as `JSON.stringify` writes it: nothing else has that text, so that no key is there twice and no number was rounded.
 * Anything else is left to the YAML parser, which takes a hundred times as long.
 */
function exactJson(chunk: string): unknown {
  const text = chunk.trim();
  if (!text.startsWith('{')) return undefined;
  try {
    const value: unknown = JSON.parse(text);
    return JSON.stringify(value) === text ? value : undefined;
  } catch {
    return undefined;
  }
}

/** Documents one by one, so that the parser's trees stay small; a line that starts with `---` always begins a new one. */
function chunks(text: string): readonly string[] {
  return /^%/m.test(text) ? [text] : text.split(/^---(?=\s|$)/m);
}

/** The JSON text of a document; nothing for an empty one. Throws for what JSON can't say. */
function jsonOf(value: unknown): readonly string[] {
  if (value === null || value === undefined) return [];
  let values = 0;
  let size = 0;
  const walk = (each: unknown, depth: number): void => {
    if ((values += 1) > MAX_VALUES) throw new Error('a manifest has too many values');
    if (depth > MAX_DEPTH) throw new Error(`a manifest is nested more than ${MAX_DEPTH} levels deep`);
    if (typeof each === 'string') grow(each.length);
    if (each === null || typeof each === 'string' || typeof each === 'boolean') return;
    if (typeof each === 'number' && Number.isFinite(each)) return;
    if (Array.isArray(each)) return each.forEach((item) => walk(item, depth + 1));
    if (typeof each !== 'object' || Object.getPrototypeOf(each) !== Object.prototype)
      throw new Error(`a manifest holds ${kindOf(each)}, which JSON can't say`);
    for (const [key, item] of Object.entries(each)) {
      if (key === '__proto__') throw new Error('a manifest has a key "__proto__"');
      grow(key.length);
      walk(item, depth + 1);
    }
  };
  // What an alias repeats is in memory once, and would be written as often as it is named.
  const grow = (length: number): void => {
    if ((size += length) > MAX_DOCUMENT) throw new Error(`a manifest of more than ${bytesText(MAX_DOCUMENT)} is too large to be stored`);
  };
  walk(value, 0);
  return [JSON.stringify(value)];
}

function kindOf(value: unknown): string {
  if (value instanceof Date) return 'a timestamp (put it in quotes)';
  return typeof value === 'number' ? String(value) : `a ${Object.prototype.toString.call(value).slice(8, -1)}`;
}

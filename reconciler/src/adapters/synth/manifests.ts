/** From what a program wrote to manifests that say where they were written. */
import { createHash } from 'node:crypto';
import { posix } from 'node:path';
import { ANNOTATION, API_VERSION } from '@parapet/policy';
import type { Problem } from '@parapet/policy';
import { stringify } from 'yaml';
import type { SynthManifest } from '../../ports.ts';
import type { Positions } from './positions.ts';
import { BUNDLE_NAME } from './sandbox-protocol.ts';
import type { WrittenFile } from './sandbox-protocol.ts';

interface Circumstances {
  readonly positions: Positions;
  /** The program, relative to the repository. */
  readonly entry: string;
  /** Folder whose name is left out of file names. */
  readonly output: string;
}

type Json = Record<string, unknown>;

const MAX_NAME = 255;
/** What is wrong; the rest mostly follows from the first. */
const MAX_PROBLEMS = 100;

/** The manifests in `files`, by file name and then as written; or what is wrong with them, all of it. */
export function readManifests(
  files: readonly WrittenFile[],
  at: Circumstances,
): { readonly manifests: readonly SynthManifest[]; readonly problems: readonly Problem[] } {
  const manifests: SynthManifest[] = [];
  const problems: Problem[] = [];
  const wrong = (message: string) => {
    if (problems.length < MAX_PROBLEMS) problems.push({ code: 'program-output', severity: 'error', place: { file: at.entry }, message });
  };
  const named = files
    .map((file) => ({ ...file, name: nameOf(file.path, at.output) }))
    .sort((left, right) => (left.name < right.name ? -1 : 1));
  for (const file of named) {
    if (!isPlainName(file.name)) {
      wrong(`the program wrote a file that cannot be called ${JSON.stringify(file.name.slice(0, MAX_NAME))}`);
      continue;
    }
    file.errors.forEach((error) => wrong(`${file.name}: ${error}`));
    file.documents.forEach((text, index) => {
      const value: unknown = JSON.parse(text);
      if (isJson(value)) manifests.push(manifest(value, { file: file.name, at }));
      else wrong(`${file.name}: document ${index + 1} is ${Array.isArray(value) ? 'a list' : `a ${typeof value}`}, not a manifest`);
    });
  }
  return problems.length > 0 ? { manifests: [], problems } : { manifests, problems };
}

/**
 * One manifest as YAML, keys in the order the program gave them: the same text that cdk8s writes for the same object.
 */
export function renderManifest(value: unknown): string {
  return stringify(value, { keepUndefined: true, lineWidth: 0, version: '1.1', aliasDuplicateObjects: false });
}

/** SHA-256 (hex) over names and manifests, keys in the order the program gave them. As JSON: YAML takes sixty times as long to write. */
export function digestOf(manifests: readonly SynthManifest[]): string {
  const hash = createHash('sha256');
  for (const { file, value } of manifests) hash.update(`${file}\0${JSON.stringify(value)}\0`);
  return hash.digest('hex');
}

/** Absolute in the program's file system, relative to its output folder here. */
function nameOf(path: string, output: string): string {
  const full = posix.resolve('/', path);
  const folder = [output, 'dist'].map((each) => posix.resolve('/', each)).find((each) => each !== '/' && full.startsWith(`${each}/`));
  return full.slice((folder ?? '').length + 1);
}

const isPlainName = (name: string): boolean =>
  name !== '' && !/[\p{Cc}\p{Cf}\\]/u.test(name) && name.split('/').every((part) => part.length > 0 && part.length <= MAX_NAME);

const isJson = (value: unknown): value is Json => typeof value === 'object' && value !== null && !Array.isArray(value);

function manifest(value: Json, { file, at }: { readonly file: string; readonly at: Circumstances }): SynthManifest {
  const rules = placeAnnotations(value, at);
  const annotations = annotationsOf(value);
  const source = annotations?.[ANNOTATION.source];
  if (typeof source !== 'string') return { value, file };
  const program = source.replace(/:\d+$/, '');
  return { value, file, source, lineOf: (path) => lineOf(path, { rules, program }) };
}

function annotationsOf(value: Json): Json | undefined {
  const metadata = value['metadata'];
  return isJson(metadata) && isJson(metadata['annotations']) ? metadata['annotations'] : undefined;
}

/** Turns the sdk's raw positions into the author's, in place, and names the program where a policy says nothing. The rules' places. */
function placeAnnotations(value: Json, { positions, entry }: Circumstances): Json {
  const metadata = value['metadata'];
  if (!isJson(metadata)) return {};
  const annotations = annotationsOf(value);
  const written = annotations?.[ANNOTATION.source];
  if (annotations !== undefined && typeof written === 'string')
    annotations[ANNOTATION.source] = authorText(written, positions) ?? `${entry}:1`;
  else if (
    value['apiVersion'] === API_VERSION &&
    written === undefined &&
    (annotations !== undefined || metadata['annotations'] === undefined)
  ) {
    metadata['annotations'] = { ...annotations, [ANNOTATION.source]: `${entry}:1` };
  }
  const rules = annotations?.[ANNOTATION.ruleSources];
  if (annotations === undefined || typeof rules !== 'string') return {};
  const parsed = parseRules(rules);
  if (parsed === undefined) return {};
  if (!rules.includes(BUNDLE_NAME)) return parsed;
  const placed = Object.entries(parsed).flatMap(([field, text]) => {
    const place = typeof text === 'string' ? authorText(text, positions) : undefined;
    return place === undefined ? [] : [[field, place] as const];
  });
  const known = Object.fromEntries(placed);
  annotations[ANNOTATION.ruleSources] = JSON.stringify(known);
  return known;
}

/** The author's place in a chain of raw positions; a text without any is left as it is. */
function authorText(text: string, positions: Positions): string | undefined {
  if (!text.includes(BUNDLE_NAME)) return text;
  const place = positions.author(text);
  return place === undefined ? undefined : `${place.file}:${place.line}`;
}

function parseRules(text: string): Json | undefined {
  try {
    const parsed: unknown = JSON.parse(text);
    return isJson(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}

/** The line of the rule that holds the field at `path`, when it is in the same file as the policy. */
function lineOf(
  path: readonly (string | number)[],
  { rules, program }: { readonly rules: Json; readonly program: string },
): number | undefined {
  for (let length = path.length; length > 0; length -= 1) {
    const field = path
      .slice(0, length)
      .reduce<string>((text, part) => (typeof part === 'number' ? `${text}[${part}]` : text === '' ? part : `${text}.${part}`), '');
    const place = Object.hasOwn(rules, field) ? rules[field] : undefined;
    const [, file, line] = /^(.+):(\d+)$/.exec(typeof place === 'string' ? place : '') ?? [];
    if (file === program) return Number(line);
  }
  return undefined;
}

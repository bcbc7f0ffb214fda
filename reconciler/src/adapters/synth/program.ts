/** Finds the program of a policy repository, by reading its configuration as data: no command in it is ever run. */
import { join } from 'node:path';
import type { Problem } from '@parapet/policy';
import { isMap, isScalar, LineCounter, parseDocument } from 'yaml';
import type { Document } from 'yaml';
import { parserWords } from './documents.ts';
import { isInside, locate, readSource, Refusal } from './source-file.ts';

export interface Program {
  /** Relative to the repository. */
  readonly entry: string;
  /** Folder that manifests are written to, relative to the program's working folder. Default `dist`. */
  readonly output: string;
}

const CONFIG = 'cdk8s.yaml';
const USUAL = ['main.ts', 'index.ts', 'main.js', 'index.js', 'src/main.ts', 'src/index.ts'];
/** Its parser compares every key of a map with every other. */
const MAX_CONFIG = 16 * 1024;
const MAX_PACKAGE_JSON = 1024 * 1024;
const MAX_PROBLEMS = 10;
const DEFAULT_OUTPUT = 'dist';

type Found =
  { readonly program: Program; readonly problems: readonly [] } | { readonly program?: undefined; readonly problems: readonly Problem[] };

/**
 * The program that `cdk8s.yaml` names, else the `source` or `main` of `package.json`, else one of the usual names. `root` is a real path.
 */
export async function findProgram(root: string): Promise<Found> {
  const config = await readConfig(root);
  if (config.problems.length > 0) return { problems: config.problems };
  const output = config.output ?? DEFAULT_OUTPUT;
  if (config.entry !== undefined) {
    if (await isProgram(root, config.entry.file)) return { program: { entry: config.entry.file, output }, problems: [] };
    return noProgram(`the program ${config.entry.file} that ${CONFIG} names is not there`, config.entry.line);
  }
  const looked = [...(await packageEntries(root)), ...USUAL];
  for (const entry of looked) if (await isProgram(root, entry)) return { program: { entry, output }, problems: [] };
  return noProgram(
    'there is no policy program here',
    undefined,
    `looked for the "app" of ${CONFIG}, the "source" and "main" of package.json, ${USUAL.join(', ')}`,
  );
}

function noProgram(message: string, line: number | undefined, hint?: string): Found {
  const place = line === undefined ? {} : { file: CONFIG, line };
  return { problems: [{ code: 'no-program', severity: 'error', place, message, ...(hint === undefined ? {} : { hint }) }] };
}

/** A regular file below the root, whatever links lead to it; a link out of it is left to the bundler to refuse by name. */
async function isProgram(root: string, entry: string): Promise<boolean> {
  if (!isInside(root, join(root, entry))) return false;
  const found = await locate(join(root, entry));
  return found !== undefined && found.kind !== 'directory';
}

interface Config {
  readonly entry?: { readonly file: string; readonly line: number };
  readonly output?: string;
  readonly problems: readonly Problem[];
}

async function readConfig(root: string): Promise<Config> {
  const text = await readText(root, { name: CONFIG, maxBytes: MAX_CONFIG });
  if (text === undefined) return { problems: [] };
  if (typeof text !== 'string') return { problems: [text] };
  const lines = new LineCounter();
  const document = parse(text, lines);
  if ('problems' in document) return document;
  if (document.contents === null) return { problems: [] };
  if (!isMap(document.contents)) return { problems: [wrong(`${CONFIG} is not a map of settings`, { line: 1, col: 1 })] };
  return settings(document, lines);
}

/** What is wrong with the YAML, at most the first few things: the rest mostly follows from them. */
function parse(text: string, lineCounter: LineCounter): Document | { readonly problems: readonly Problem[] } {
  const syntax = (error: unknown, at: number): Problem => ({ ...wrong(parserWords(error), lineCounter.linePos(at)), code: 'yaml-syntax' });
  try {
    const document = parseDocument(text, { lineCounter, prettyErrors: false, logLevel: 'silent' });
    if (document.errors.length === 0) return document;
    return { problems: document.errors.slice(0, MAX_PROBLEMS).map((error) => syntax(error, error.pos[0])) };
  } catch (error) {
    return { problems: [syntax(error, 0)] };
  }
}

function settings(document: Document, lines: LineCounter): Config {
  const problems: Problem[] = [];
  const text = (key: string): { readonly value: string; readonly line: number } | undefined => {
    const node = document.get(key, true);
    if (node === undefined) return undefined;
    const at = lines.linePos((node as { range?: readonly [number, number, number] }).range?.[0] ?? 0);
    if (isScalar(node) && typeof node.value === 'string') return { value: node.value, line: at.line };
    problems.push(wrong(`${key} is not a text`, at));
    return undefined;
  };
  const language = text('language');
  if (language !== undefined && !['typescript', 'javascript'].includes(language.value)) {
    problems.push(
      wrong(
        `the language ${JSON.stringify(language.value)} is not supported`,
        { line: language.line, col: 1 },
        'write language: typescript',
      ),
    );
  }
  const app = text('app');
  const file = app === undefined ? undefined : commandFile(app.value);
  if (app !== undefined && file === undefined) {
    const message = `app: ${JSON.stringify(app.value)} does not name a program that can be run here`;
    problems.push(wrong(message, { line: app.line, col: 1 }, 'commands are not executed: write app: node main.ts'));
  }
  const output = text('output')?.value;
  return {
    problems,
    ...(app !== undefined && file !== undefined ? { entry: { file, line: app.line } } : {}),
    ...(output === undefined ? {} : { output }),
  };
}

/** The file in `node main.ts`, `npx tsx src/main.ts` and their like: the last word, when it is a program's name. */
function commandFile(command: string): string | undefined {
  const words = command.trim().split(/\s+/);
  const [file] = words.slice(-1);
  const plain = /^(?:(?:\.\/)?[\w@.-][\w@./-]*)\.[cm]?[jt]sx?$/.test(file ?? '');
  const runner = words
    .slice(0, -1)
    .every((word) => /^(?:node|npx|npm|pnpm|yarn|bunx?|deno|run|exec|tsx|ts-node|--?[\w=/.:-]+)$/.test(word));
  return plain && runner ? file?.replace(/^\.\//, '') : undefined;
}

function wrong(message: string, at: { readonly line: number; readonly col: number }, hint?: string): Problem {
  const place = { file: CONFIG, line: at.line, column: at.col };
  return { code: 'config-invalid', severity: 'error', place, message, ...(hint === undefined ? {} : { hint }) };
}

/** Entries that package.json offers; a broken one offers none, and is the package manager's to complain about. */
async function packageEntries(root: string): Promise<readonly string[]> {
  const text = await readText(root, { name: 'package.json', maxBytes: MAX_PACKAGE_JSON });
  if (typeof text !== 'string') return [];
  try {
    const json = JSON.parse(text) as { readonly source?: unknown; readonly main?: unknown } | null;
    const offered = [json?.source, json?.main].filter((each) => typeof each === 'string');
    return offered.map((each) => each.replace(/^\.\//, '')).filter((each) => /\.[cm]?[jt]sx?$/.test(each));
  } catch {
    return [];
  }
}

async function readText(
  root: string,
  { name, maxBytes }: { readonly name: string; readonly maxBytes: number },
): Promise<string | Problem | undefined> {
  const found = await locate(join(root, name));
  if (found === undefined) return undefined;
  const refused = (message: string): Problem => ({ code: 'file-unreadable', severity: 'error', place: { file: name }, message });
  if (!isInside(root, found.real)) return refused(`${name} leads out of the repository`);
  try {
    return (await readSource(found.real, maxBytes)).toString('utf8');
  } catch (error) {
    if (error instanceof Refusal) return refused(error.message);
    throw error;
  }
}

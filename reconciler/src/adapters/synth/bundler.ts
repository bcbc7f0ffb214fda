/** Bundles a policy program with esbuild, which sees the file system through our plugin only: no tsconfig, no package maps, no source maps of the author's. */
import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import { context, stop } from 'esbuild';
import type { BuildFailure, BuildResult, Loader, Message, OnResolveArgs, OnResolveResult, PartialMessage, Plugin } from 'esbuild';
import { bytesText } from './limits.ts';
import type { SynthLimits } from './limits.ts';
import { Resolver } from './resolver.ts';
import type { Place } from './resolver.ts';
import { sealChildren } from './seal.ts';
import { readSource, Refusal } from './source-file.ts';

export interface BundleRequest {
  /** Real path of the repository. */
  readonly directory: string;
  /** The program, relative to it. */
  readonly entry: string;
  readonly library: Readonly<Record<string, string>>;
  readonly limits: SynthLimits;
}

/** What is wrong, where in the author's files. */
export interface BundleProblem {
  readonly code: string;
  readonly message: string;
  readonly hint?: string;
  readonly file?: string;
  readonly line?: number;
  readonly column?: number;
}

export interface BundleAnswer {
  readonly problems: readonly BundleProblem[];
  /** The program as one ES module; empty when there are problems. */
  readonly code: string;
  /** Its source map; sources are `repository:main.ts` and `library:cdk8s/lib/app.js`. Empty where it would be too large to be read. */
  readonly map: string;
}

const LOADERS: Readonly<Record<string, Loader>> = {
  '.ts': 'ts',
  '.mts': 'ts',
  '.cts': 'ts',
  '.tsx': 'tsx',
  '.js': 'js',
  '.mjs': 'js',
  '.cjs': 'js',
  '.jsx': 'jsx',
  '.json': 'json',
  '.txt': 'text',
  '.md': 'text',
  '.yaml': 'text',
  '.yml': 'text',
};
const SEARCHED = 'found by a search';
/** What esbuild says of imports by a pattern. One answer for all of them: what is on this machine must not be told by which it is. */
const SEARCH = new RegExp(`^(?:${SEARCHED}$|Could not resolve (?:import|require)\\(|The glob pattern |Cannot read directory )`);
const MAX_PROBLEMS = 100;
const MAX_MESSAGE = 2000;
/**
 * Bytes of a source map, and lines of a bundle, for problems to have lines: reading a map takes fifty times its size of memory. A program that
 * brings cdk8s has a tenth of it.
 */
const MAX_MAP = 4 * 1024 * 1024;
const MAX_LINES = 400_000;
/** All inputs together: what esbuild has to hold at once. */
const MAX_TOTAL = 64 * 1024 * 1024;

/** Bundles the program; what is wrong with it is in the answer. Rejects only when esbuild itself is gone. */
export async function bundle(request: BundleRequest): Promise<BundleAnswer> {
  const build = await context({
    entryPoints: [request.entry],
    bundle: true,
    write: false,
    outfile: '/parapet-bundle.js',
    absWorkingDir: '/',
    format: 'esm',
    platform: 'neutral',
    target: 'es2023',
    sourcemap: 'external',
    sourcesContent: false,
    legalComments: 'none',
    charset: 'utf8',
    logLevel: 'silent',
    logLimit: 0,
    // An import by a pattern makes esbuild itself search the machine's folders. Whatever it finds there, the answer is the same: an error.
    logOverride: { 'empty-glob': 'error' },
    // What is left of `import()` fails in the program's own code, where the author's line is known.
    supported: { 'dynamic-import': false },
    tsconfigRaw: { compilerOptions: { target: 'es2023', useDefineForClassFields: true } },
    define: {
      __dirname: '"/"',
      __filename: '"/main.ts"',
      'import.meta.url': '"file:///main.ts"',
      'import.meta.dirname': '"/"',
      'import.meta.filename': '"/main.ts"',
    },
    plugins: [ground(request)],
  });
  await sealChildren();
  try {
    return finished(await build.rebuild(), request.limits);
  } catch (error) {
    return { problems: problemsOf(error, request.entry), code: '', map: '' };
  } finally {
    await build.dispose();
    await stop();
  }
}

function finished(result: BuildResult, limits: SynthLimits): BundleAnswer {
  const map = result.outputFiles?.find(({ path }) => path.endsWith('.map'))?.text ?? '';
  const code = result.outputFiles?.find(({ path }) => path.endsWith('.js'))?.text ?? '';
  const isReadable = map.length <= MAX_MAP && linesOf(code) <= MAX_LINES;
  if (code.length <= limits.bundleBytes) return { problems: [], code, map: isReadable ? map : '' };
  const message = `the program and what it imports have ${bytesText(code.length)}, more than ${bytesText(limits.bundleBytes)}`;
  return { problems: [{ code: 'bundle-failed', message }], code: '', map: '' };
}

function linesOf(code: string): number {
  let lines = 1;
  for (let end = code.indexOf('\n'); end !== -1; end = code.indexOf('\n', end + 1)) lines += 1;
  return lines;
}

function problemsOf(error: unknown, entry: string): readonly BundleProblem[] {
  const messages = (error as Partial<BuildFailure>).errors;
  if (messages === undefined || messages.length === 0) throw error;
  const problems = messages
    .filter(({ location, text }) => location !== null || !SEARCH.test(text))
    .map((message) => problemOf(message, entry));
  return [...new Map(problems.map((problem) => [JSON.stringify(problem), problem])).values()].slice(0, MAX_PROBLEMS);
}

function problemOf(message: Message, entry: string): BundleProblem {
  const detail = (message.detail ?? {}) as Partial<Pick<Refusal, 'code' | 'hint' | 'whole'>>;
  const place = message.location === null || detail.whole === true ? { file: entry } : placeOf(message.location);
  if (SEARCH.test(message.text)) {
    const hint = "write the file's name into the import itself";
    return { code: 'import-refused', message: 'the name in an import is computed, and nothing is searched for', hint, ...place };
  }
  const note = message.notes[0]?.text.slice(0, MAX_MESSAGE);
  return {
    code: detail.code ?? 'bundle-failed',
    message: message.text
      .slice(0, MAX_MESSAGE)
      .replaceAll(/\b(repository|library):/g, '')
      .replace(/[.]$/, ''),
    ...(detail.hint !== undefined ? { hint: detail.hint } : detail.code === undefined && note !== undefined ? { hint: note } : {}),
    ...place,
  };
}

function placeOf(location: NonNullable<Message['location']>): Pick<BundleProblem, 'file' | 'line' | 'column'> {
  return { file: location.file.replace(/^(repository|library):/, ''), line: location.line, column: location.column + 1 };
}

/** The plugin that answers every question about files, so that esbuild asks the file system none. */
function ground(request: BundleRequest): Plugin {
  const resolver = new Resolver({ repository: request.directory, library: request.library });
  const places = new Map<string, Place>();
  const keyOf = (place: { readonly ground: string; readonly name: string }) => `${place.ground}:${place.name}`;
  const budget = { files: 0, bytes: 0 };
  const found = async (args: OnResolveArgs): Promise<OnResolveResult> => {
    if (args.kind !== 'entry-point' && isBuiltin(args.path)) return { path: args.path.replace(/^node:/, ''), namespace: 'builtin' };
    const importer = places.get(`${args.namespace}:${args.importer}`);
    try {
      const place =
        args.kind === 'entry-point' || importer === undefined
          ? await resolver.entry(request.entry)
          : await resolver.resolve(
              args.path,
              importer,
              args.kind === 'require-call' || args.kind === 'require-resolve' ? 'require' : 'import',
            );
      places.set(keyOf(place), place);
      return { path: place.name, namespace: place.ground };
    } catch (error) {
      return { errors: [refusalMessage(error)] };
    }
  };
  return {
    name: 'parapet',
    setup(build) {
      build.onResolve({ filter: /.*/ }, found);
      build.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
        contents: `module.exports = globalThis[Symbol.for('parapet.builtin')](${JSON.stringify(path)})`,
        loader: 'js',
      }));
      build.onLoad({ filter: /.*/ }, async (args) => {
        try {
          const place = places.get(`${args.namespace}:${args.path}`);
          // Only a search of esbuild's own finds what the resolver did not give.
          if (place === undefined) return { errors: [{ text: SEARCHED }] };
          return await load(place, { limits: request.limits, budget });
        } catch (error) {
          return { errors: [refusalMessage(error)] };
        }
      });
    },
  };
}

async function load(
  place: Place,
  within: { readonly limits: SynthLimits; readonly budget: { files: number; bytes: number } },
): Promise<{ contents: string | Uint8Array; loader: Loader }> {
  const { limits, budget } = within;
  const loader = LOADERS[posix.extname(place.name).toLowerCase()];
  if (loader === undefined) {
    const hint = `files that can be imported: ${Object.keys(LOADERS).join(', ')}`;
    throw new Refusal(`${JSON.stringify(place.name)} is not a kind of file that can be imported`, { code: 'import-refused', hint });
  }
  budget.files += 1;
  const tooMuch = (what: string) => new Refusal(`more than ${what} are imported`, { code: 'import-refused', whole: true });
  if (budget.files > limits.files) throw tooMuch(`${limits.files} files`);
  const data = await readSource(place.file, limits.fileBytes);
  budget.bytes += data.length;
  if (budget.bytes > MAX_TOTAL) throw tooMuch(`${bytesText(MAX_TOTAL)} of files`);
  // The author's own source maps would let a file speak for another; lines in problems are those of the files as they are. Of several
  // maps that a file names the last one counts.
  const mapped = loader !== 'json' && loader !== 'text' && data.includes('sourceMappingURL=');
  return { contents: mapped ? `${data.toString('utf8')}\n//# sourceMappingURL=none` : data, loader };
}

function refusalMessage(error: unknown): PartialMessage {
  // What is read recursively is a package.json.
  if (error instanceof RangeError) return { text: 'its package.json is nested too deeply to be read', detail: { code: 'bundle-failed' } };
  if (!(error instanceof Refusal)) throw error;
  return { text: error.message, detail: { code: error.code, hint: error.hint, whole: error.whole } };
}

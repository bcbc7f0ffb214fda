/** Bundles a policy program with esbuild, which sees the file system through our plugin only: no tsconfig, no package maps, no source maps of the author's. */
import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import { context, stop } from 'esbuild';
import type { BuildFailure, BuildResult, Loader, Message, OnResolveArgs, OnResolveResult, PartialMessage, Plugin } from 'esbuild';
import { bytesText } from './limits.ts';
import type { SynthLimits } from './limits.ts';
import { Resolver } from './resolver.ts';
import type { Place } from './resolver.ts';
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
  /** Its source map; sources are `repository:main.ts` and `library:cdk8s/lib/app.js`. */
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
    logLimit: 50,
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
  const timer = setTimeout(() => void build.cancel(), request.limits.bundleMs);
  try {
    return finished(await build.rebuild(), request.limits);
  } catch (error) {
    return { problems: problemsOf(error), code: '', map: '' };
  } finally {
    clearTimeout(timer);
    await build.dispose();
    await stop();
  }
}

function finished(result: BuildResult, limits: SynthLimits): BundleAnswer {
  const map = result.outputFiles?.find(({ path }) => path.endsWith('.map'))?.text ?? '';
  const code = result.outputFiles?.find(({ path }) => path.endsWith('.js'))?.text ?? '';
  if (code.length <= limits.bundleBytes) return { problems: [], code, map };
  const message = `the program and what it imports have ${bytesText(code.length)}, more than ${bytesText(limits.bundleBytes)}`;
  return { problems: [{ code: 'bundle-failed', message }], code: '', map: '' };
}

function problemsOf(error: unknown): readonly BundleProblem[] {
  const messages = (error as Partial<BuildFailure>).errors;
  if (messages === undefined || messages.length === 0) throw error;
  return messages.map(problemOf);
}

function problemOf(message: Message): BundleProblem {
  const detail = (message.detail ?? {}) as { readonly code?: string; readonly hint?: string };
  const { location } = message;
  const note = message.notes[0]?.text;
  return {
    code: detail.code ?? 'bundle-failed',
    message: message.text.replaceAll(/\b(repository|library):/g, '').replace(/[.]$/, ''),
    ...(detail.hint !== undefined ? { hint: detail.hint } : detail.code === undefined && note !== undefined ? { hint: note } : {}),
    ...(location === null
      ? {}
      : { file: location.file.replace(/^(repository|library):/, ''), line: location.line, column: location.column + 1 }),
  };
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
          if (place === undefined) throw new Refusal(`${JSON.stringify(args.path)} is not there`, { code: 'bundle-failed' });
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
  if (budget.files > limits.files) throw new Refusal(`more than ${limits.files} files are imported`, { code: 'import-refused' });
  const data = await readSource(place.file, limits.fileBytes);
  budget.bytes += data.length;
  if (budget.bytes > MAX_TOTAL) throw new Refusal(`more than ${bytesText(MAX_TOTAL)} of files are imported`, { code: 'import-refused' });
  // The author's own source maps would let a file speak for another; lines in problems are those of the files as they are.
  const code =
    loader === 'json' || loader === 'text' ? data : data.toString('utf8').replaceAll(/^(\s*\/\/[#@] *)sourceMappingURL=/gm, '$1');
  return { contents: code, loader };
}

function refusalMessage(error: unknown): PartialMessage {
  if (!(error instanceof Refusal)) throw error;
  return { text: error.message, detail: { code: error.code, hint: error.hint } };
}

/** Bundles a policy program with esbuild, which sees the file system through our plugin only: no tsconfig, no package maps, no source maps of the author's. */
import { context, stop } from 'esbuild';
import type { BuildFailure, BuildResult, Message } from 'esbuild';
import { authorMap, NOTHING_OF_THE_AUTHOR } from './author-map.ts';
import type { Bundle, BundleAnswer, BundleProblem, BundleRequest } from './bundle-protocol.ts';
import { Ground, SEARCHED } from './ground.ts';
import { bytesText } from './limits.ts';
import type { SynthLimits } from './limits.ts';
import { sealChildren } from './seal.ts';
import type { Refusal } from './source-file.ts';

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

/** Bundles the program; what is wrong with it is in the answer. Rejects only when esbuild itself is gone. */
export async function bundle(request: BundleRequest): Promise<BundleAnswer> {
  try {
    const ground = new Ground(request);
    const answer = await bundleFrom(ground, request);
    // What is imported from within a package would be there twice, once by itself and once in the file of all.
    return ground.isWhole ? answer : await bundleFrom(new Ground({ ...request, bundled: undefined }), request);
  } finally {
    await stop();
  }
}

async function bundleFrom(ground: Ground, request: BundleRequest): Promise<BundleAnswer> {
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
    plugins: [ground.plugin()],
  });
  await sealChildren();
  try {
    const made = await build.rebuild().then(
      (result) => finished(result, request.limits),
      (error: unknown) => refused(problemsOf(error, request.entry)),
    );
    return { ...made, ...(await ground.substitutes()), failure: ground.failure };
  } finally {
    await build.dispose();
  }
}

function refused(problems: readonly BundleProblem[]): Bundle {
  return { problems, code: '', map: NOTHING_OF_THE_AUTHOR };
}

function finished(result: BuildResult, limits: SynthLimits): Bundle {
  const map = result.outputFiles?.find(({ path }) => path.endsWith('.map'))?.text ?? '';
  const code = result.outputFiles?.find(({ path }) => path.endsWith('.js'))?.text ?? '';
  const isReadable = map.length <= MAX_MAP && linesOf(code) <= MAX_LINES;
  if (code.length <= limits.bundleBytes)
    return { problems: [], code, map: isReadable && map !== '' ? authorMap(map) : NOTHING_OF_THE_AUTHOR };
  const message = `the program and what it imports have ${bytesText(code.length)}, more than ${bytesText(limits.bundleBytes)}`;
  return refused([{ code: 'bundle-failed', message }]);
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
  const detail = (message.detail ?? {}) as Partial<Pick<Refusal, 'code' | 'hint' | 'whole' | 'place'>>;
  const place = detail.place ?? (message.location === null || detail.whole === true ? { file: entry } : placeOf(message.location));
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

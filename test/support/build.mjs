/**
 * Builds what is installed: a bundle for each package, and the kernel half. `npm run build`, and npm itself after an install.
 *
 * Plain JavaScript without a dependency but esbuild, because npm runs it with whatever Node there is. With `--types` also the
 * declaration files (slower, for publishing). A package whose sources are not there is left out: a partial tree installs too.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { buildSync } from 'esbuild';

const ROOT = fileURLToPath(new URL('../..', import.meta.url)).replace(/\/$/, '');

/** Looked up at run time: native code, programs of their own, WebAssembly files, and what policy programs bring themselves. */
const EXTERNAL = ['ffi-napi', 'esbuild', 'quickjs-wasi', 'cdk8s', 'constructs', 'typescript', '@jest/globals'];

/** Files that run on their own, beside the package that starts them: child processes and worker threads. */
const RUNS_ALONE = /-(child|worker)\.ts$/;

/** Code that its process gets over a pipe: it has no place that anything could be required from. */
const PIPED = new Set(['sandbox-child']);

/** What the sandbox runs inside QuickJS, where there is no Node. */
const GUEST = { room: 'reconciler', file: 'src/adapters/synth/guest/prelude.ts', out: 'guest/prelude' };

/** Each package, where its code enters, and the rooms whose lone runners must lie beside its bundle. */
const PACKAGES = [
  { name: 'policy', entry: 'policy/src/index.ts', runners: [] },
  { name: 'sdk', entry: 'sdk/src/index.ts', runners: [], external: ['@parapet/policy'] },
  { name: 'reconciler', entry: 'reconciler/src/index.ts', runners: ['reconciler'], external: ['@parapet/policy'] },
  { name: 'agent', entry: 'agent/src/index.ts', runners: ['agent'], external: ['@parapet/policy'] },
  { name: 'cli', entry: 'cli/src/main.ts', runners: ['reconciler', 'agent'] },
];

/** CommonJS packages inside an ES module bundle still call `require` for what Node brings. */
const BANNER = `import { createRequire as createRequireForBundle } from 'node:module'; const require = createRequireForBundle(import.meta.url);`;

function filesUnder(directory) {
  if (!existsSync(directory)) return [];
  return readdirSync(directory, { withFileTypes: true }).flatMap((entry) => {
    const path = join(directory, entry.name);
    return entry.isDirectory() ? filesUnder(path) : [path];
  });
}

/** What policy programs import, and the sandbox runs: it must not mention Node. */
const RUNS_IN_PROGRAMS = new Set(['policy', 'sdk']);

/** Options that all bundles have. */
function options(out) {
  return {
    absWorkingDir: ROOT,
    outdir: out,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node22',
    conditions: ['source'],
    external: EXTERNAL,
    sourcemap: true,
    sourcesContent: false,
    logLevel: 'warning',
    metafile: true,
  };
}

/**
 * Bundles one package into its `dist`, flat, so that a file finds its neighbours by `import.meta.url` whichever chunk it is in.
 * What runs alone shares no chunk with it: the sandbox's parts are sent to a process that opens no file.
 */
function bundle({ name, entry, runners, external = [] }) {
  const out = join(ROOT, name, 'dist');
  const started = performance.now();
  const builds = [
    buildSync({
      ...options(out),
      entryPoints: [join(ROOT, entry)],
      splitting: true,
      external: [...EXTERNAL, ...external],
      banner: RUNS_IN_PROGRAMS.has(name) ? {} : { js: BANNER },
      chunkNames: 'chunk-[hash]',
    }),
  ];
  for (const room of runners) {
    const alone = filesUnder(join(ROOT, room, 'src')).filter((file) => RUNS_ALONE.test(file));
    for (const file of alone) {
      const name = basename(file, '.ts');
      const banner = PIPED.has(name) ? {} : { js: BANNER };
      builds.push(buildSync({ ...options(out), banner, entryPoints: [{ in: file, out: name }] }));
    }
    const guest = join(ROOT, room, GUEST.file);
    if (room !== GUEST.room || !existsSync(guest)) continue;
    builds.push(buildSync({ ...options(out), platform: 'browser', target: 'es2022', entryPoints: [{ in: guest, out: GUEST.out }] }));
  }
  // Only what this build did not write goes, and only now: a program that runs from here is not cut off.
  const written = new Set(builds.flatMap(({ metafile }) => Object.keys(metafile.outputs)).map((file) => join(ROOT, file)));
  for (const file of filesUnder(out)) if (!written.has(file) && !file.endsWith('.d.ts')) rmSync(file);
  console.log(`build: ${name}/dist (${Math.round(performance.now() - started)} ms)`);
}

function declarations(names) {
  const emit = ['--noEmit', 'false', '--declaration', '--emitDeclarationOnly', '--rewriteRelativeImportExtensions'];
  for (const name of names) {
    const sources = [join(ROOT, name, 'src/index.ts')];
    const flags = ['--rootDir', join(ROOT, name, 'src'), '--outDir', join(ROOT, name, 'dist'), ...compilerOptions(), ...emit];
    run(process.execPath, [join(ROOT, 'node_modules/typescript/bin/tsc'), ...flags, ...sources]);
    // The compiler leaves `./x.ts` in declarations; beside a bundle the file that stands for it is `x.js`.
    for (const file of filesUnder(join(ROOT, name, 'dist')).filter((path) => path.endsWith('.d.ts'))) {
      writeFileSync(file, readFileSync(file, 'utf8').replace(/((?:from |import\()'\.[^']*)\.ts'/g, "$1.js'"));
    }
    console.log(`build: ${name}/dist/*.d.ts`);
  }
}

/** tsc takes no project file together with files: these are the ones of tsconfig.json that decide what declarations say. */
function compilerOptions() {
  return [
    ...['--target', 'es2023', '--module', 'nodenext', '--moduleResolution', 'nodenext', '--types', 'node', '--strict', '--skipLibCheck'],
    ...['--verbatimModuleSyntax', '--noUncheckedIndexedAccess', '--resolveJsonModule'],
  ];
}

function run(program, args) {
  const { status, error } = spawnSync(program, args, { cwd: ROOT, stdio: 'inherit' });
  if (error) throw error;
  if (status !== 0) throw new Error(`${[program, ...args].slice(0, 3).join(' ')} ended with status ${status}`);
}

/** Compiles the kernel half, where the compiler and libbpf's headers are there. */
function kernelHalf() {
  if (!existsSync(join(ROOT, 'bpf/Makefile'))) return;
  const missing = ['/usr/bin/clang', '/usr/bin/make', '/usr/include/bpf/bpf_helpers.h'].filter((path) => !existsSync(path));
  if (missing.length > 0) {
    console.log(`build: bpf left out, because ${missing.join(', ')} is not there; test/support/setup.sh installs it`);
    return;
  }
  run('make', ['--no-print-directory', '--silent', '-C', 'bpf']);
  console.log('build: bpf/build');
}

const present = PACKAGES.filter(({ name, entry }) => {
  const there = existsSync(join(ROOT, entry));
  if (!there) console.log(`build: ${name} left out, because ${relative(ROOT, join(ROOT, entry))} is not there`);
  return there;
});
const steps = [...present.map((found) => () => bundle(found)), kernelHalf];
if (process.argv.includes('--types')) steps.push(() => declarations(present.map(({ name }) => name).filter((name) => name !== 'cli')));

for (const step of steps) {
  try {
    step();
  } catch (error) {
    // esbuild and the compilers have said what is wrong. An install goes on: what is broken is this tree, not the installed packages.
    console.error(`build: ${error.message.split('\n')[0]}`);
    if (process.env.npm_lifecycle_event !== 'prepare') process.exitCode = 1;
  }
}

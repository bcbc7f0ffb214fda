/**
 * TypeScript programs for the guest, as one file of JavaScript. Node strips types with WebAssembly, which crashes under QEMU's emulation
 * now and then: 2 to 3 of 80 starts with QEMU 7.2 and Node 24, none of 225 without. A bundle also starts three times as fast there.
 */
import { mkdirSync } from 'node:fs';
import { basename, join, relative, resolve } from 'node:path';
import { buildSync } from 'esbuild';

const ROOT = resolve(import.meta.dirname, '../../..');
/** Below `node_modules`, so that packages with native code are found from there. */
const OUT = join(ROOT, 'node_modules/.cache/parapet');

/** Threads that programs may start: each lies beside them under its own name. */
const WORKERS = ['agent/src/adapters/kernel/events-worker.ts'];

/** Bundles a program and gives back the words that run it in the guest, from the tree's root. */
export function guestProgram(entry: string): string[] {
  mkdirSync(OUT, { recursive: true });
  const name = relative(ROOT, entry).replaceAll('/', '-');
  const outfile = join(OUT, `${basename(name, '.ts')}.mjs`);
  bundle(entry, outfile);
  for (const worker of WORKERS) bundle(join(ROOT, worker), join(OUT, `${basename(worker, '.ts')}.mjs`));
  return ['node', '--enable-source-maps', outfile];
}

function bundle(entry: string, outfile: string): void {
  buildSync({
    absWorkingDir: ROOT,
    entryPoints: [entry],
    outfile,
    bundle: true,
    format: 'esm',
    platform: 'node',
    target: 'node24',
    conditions: ['source'],
    external: ['ffi-napi'],
    sourcemap: 'inline',
    logLevel: 'warning',
    banner: { js: `import { createRequire as requireFor } from 'node:module'; const require = requireFor(import.meta.url);` },
  });
}

/** What the sandbox process is made of, read and bundled once: it is sent over stdin, so that the process itself opens no file. */
import { existsSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { extname } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, stop } from 'esbuild';
import { StageError } from '../../stage-error.ts';

const EXTENSIONS = ['url', 'encoding', 'structured-clone'] as const;

export interface SandboxRuntime {
  /** The process's own code, an expression that gives `{ answer(payload) }`. */
  readonly host: string;
  readonly wasm: Uint8Array;
  readonly extensions: readonly { readonly name: string; readonly wasm: Uint8Array }[];
  readonly prelude: string;
}

/** A source file of this folder: `.ts` in the tree, `.js` once built. */
export function ownFile(name: string): string {
  return fileURLToPath(new URL(`./${name}${extname(fileURLToPath(import.meta.url))}`, import.meta.url));
}

let loaded: Promise<SandboxRuntime> | undefined;

/** The sandbox, read and bundled the first time it is asked for. Rejects with a StageError when this installation is incomplete. */
export function loadRuntime(): Promise<SandboxRuntime> {
  loaded ??= load().catch((error: unknown) => {
    loaded = undefined;
    throw error;
  });
  return loaded;
}

async function load(): Promise<SandboxRuntime> {
  try {
    const { resolve } = createRequire(import.meta.url);
    const [host, prelude, wasm, ...extensions] = await Promise.all([
      bundleOwn({ file: ownFile('sandbox-child'), platform: 'node', name: 'parapetHost' }),
      bundleOwn({ file: ownFile('guest/prelude'), platform: 'browser', name: 'parapetGuest' }),
      readFile(resolve('quickjs-wasi/quickjs.wasm')),
      ...EXTENSIONS.map(async (name) => ({ name, wasm: await readFile(resolve(`quickjs-wasi/${name}.so`)) })),
    ]);
    return { host, prelude, wasm, extensions };
  } catch (cause) {
    throw new StageError('synth', 'the sandbox cannot be prepared: this installation of Parapet is incomplete', { cause, retry: false });
  } finally {
    // Its process would stay for as long as this one does.
    await stop();
  }
}

async function bundleOwn(options: {
  readonly file: string;
  readonly platform: 'node' | 'browser';
  readonly name: string;
}): Promise<string> {
  if (!existsSync(options.file)) throw new Error(`${options.file} is missing`);
  const result = await build({
    entryPoints: [options.file],
    bundle: true,
    write: false,
    format: 'iife',
    globalName: options.name,
    platform: options.platform,
    target: 'es2022',
    minifyWhitespace: true,
    legalComments: 'none',
    charset: 'utf8',
    tsconfigRaw: {},
    logLevel: 'silent',
  });
  return result.outputFiles[0]?.text ?? '';
}

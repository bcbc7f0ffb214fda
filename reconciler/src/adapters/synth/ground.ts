/** esbuild's view of the world: a plugin that answers every question about files, so that esbuild asks the file system none. */
import { isBuiltin } from 'node:module';
import { posix } from 'node:path';
import type { Loader, OnLoadResult, OnResolveArgs, OnResolveResult, OnStartResult, PartialMessage, Plugin } from 'esbuild';
import type { BundleAnswer, BundleRequest } from './bundle-protocol.ts';
import { LIBRARY, shimOf } from './library-shim.ts';
import type { LibraryBundle } from './library-shim.ts';
import { bytesText } from './limits.ts';
import { LockedPackages } from './locked-packages.ts';
import { StoreFailure } from './package-store.ts';
import { Resolver } from './resolver.ts';
import type { Place } from './resolver.ts';
import { Refusal } from './source-file.ts';

/** What is said of files that esbuild found by itself. */
export const SEARCHED = 'found by a search';
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
/** Of what is wrong with the package store, how much is said. */
const MAX_FAILURES = 3;
/** All inputs together: what esbuild has to hold at once. */
const MAX_TOTAL = 64 * 1024 * 1024;
/** The module of the cdk8s that ships with Parapet that saves manifests, and what is written under it: see guest/manifests.ts. */
const SAVER = 'cdk8s/lib/yaml.js';
const AS_JSON = `\nglobalThis[Symbol.for('parapet.saver')](exports.Yaml);`;
const BUILTIN = `module.exports = globalThis[Symbol.for('parapet.builtin')]`;

/** One build's. */
export class Ground {
  readonly #options: BundleRequest;
  readonly #files: LockedPackages;
  readonly #resolver: Resolver;
  readonly #places = new Map<string, Place>();
  #bundled: LibraryBundle | undefined;
  #loaded = 0;
  #bytes = 0;
  #isWhole = true;
  #usesLibrary = false;
  readonly #failures = new Set<string>();

  constructor(options: BundleRequest) {
    const { directory, library, packages } = options;
    this.#options = options;
    this.#files = new LockedPackages({ repository: directory, store: packages, isWanted: (name) => loaderOf(name) !== undefined });
    this.#resolver = new Resolver({ repository: directory, library, files: this.#files });
  }

  /** Whether all that is of the library came in one way. */
  get isWhole(): boolean {
    return this.#isWhole;
  }

  /** What is wrong with the package store, so that there is no bundle. */
  get failure(): string | undefined {
    const failures = [...this.#failures].sort();
    if (failures.length === 0) return undefined;
    const more = failures.length > MAX_FAILURES ? [`${failures.length - MAX_FAILURES} more`] : [];
    return [...failures.slice(0, MAX_FAILURES), ...more].join('; ');
  }

  /** What is to be said of shipped packages that were taken although the lock file names others: nothing to who uses none. */
  async substitutes(): Promise<Pick<BundleAnswer, 'warnings' | 'isProvisional'>> {
    if (!this.#usesLibrary) return { warnings: [], isProvisional: false };
    const { substitutes } = this.#resolver;
    const trouble = await this.#files.trouble();
    const told = trouble === undefined ? [] : [{ code: trouble.code, message: trouble.message, hint: trouble.hint, ...trouble.place }];
    return { warnings: [...told, ...(await substitutes.warnings())], isProvisional: substitutes.isProvisional };
  }

  plugin(): Plugin {
    return {
      name: 'parapet',
      setup: (build) => {
        build.onStart(() => this.#begin());
        build.onResolve({ filter: /.*/ }, (args) => this.#find(args));
        build.onLoad({ filter: /.*/, namespace: 'builtin' }, ({ path }) => ({
          contents: `${BUILTIN}(${JSON.stringify(path)})`,
          loader: 'js',
        }));
        build.onLoad({ filter: /.*/ }, ({ namespace, path }) => this.#load(`${namespace}:${path}`));
      },
    };
  }

  async #begin(): Promise<OnStartResult> {
    try {
      // Shipped packages see the repository's own copies of one another, where it brings any.
      if (!(await this.#resolver.isBroughtAny())) this.#bundled = this.#options.bundled;
      return {};
    } catch (error) {
      return { errors: [this.#said(error)] };
    }
  }

  async #find({ kind, path, namespace, importer }: OnResolveArgs): Promise<OnResolveResult> {
    if (path === LIBRARY && namespace === 'library') return { path, namespace };
    if (kind !== 'entry-point' && isBuiltin(path)) return { path: path.replace(/^node:/, ''), namespace: 'builtin' };
    const from = this.#places.get(`${namespace}:${importer}`) ?? this.#resolver.start;
    try {
      const place =
        kind === 'entry-point'
          ? await this.#resolver.entry(this.#options.entry)
          : await this.#resolver.resolve(path, from, kind === 'require-call' || kind === 'require-resolve' ? 'require' : 'import');
      if (place.ground === 'library') this.#usesLibrary = true;
      if (place.ground === 'library' && this.#bundled !== undefined && !Object.hasOwn(this.#bundled.packages, place.name))
        this.#isWhole = false;
      this.#places.set(`${place.ground}:${place.name}`, place);
      return { path: place.name, namespace: place.ground };
    } catch (error) {
      return { errors: [this.#said(error)] };
    }
  }

  async #load(key: string): Promise<OnLoadResult> {
    try {
      if (key === `library:${LIBRARY}`) return { contents: this.#bundled?.code ?? '', loader: 'js' };
      const place = this.#places.get(key);
      // Only a search of esbuild's own finds what the resolver did not give.
      if (place === undefined) return { errors: [{ text: SEARCHED }] };
      const shim = place.ground === 'library' && this.#bundled !== undefined ? shimOf(this.#bundled, place.name) : undefined;
      return shim === undefined ? await this.#read(place) : { contents: shim, loader: 'js' };
    } catch (error) {
      return { errors: [this.#said(error)] };
    }
  }

  async #read(place: Place): Promise<OnLoadResult> {
    const { limits } = this.#options;
    const loader = loaderOf(place.name);
    if (loader === undefined) {
      const hint = `files that can be imported: ${Object.keys(LOADERS).join(', ')}`;
      throw new Refusal(`${JSON.stringify(place.name)} is not a kind of file that can be imported`, { code: 'import-refused', hint });
    }
    this.#loaded += 1;
    const tooMuch = (what: string): Refusal => new Refusal(`more than ${what} are imported`, { code: 'import-refused', whole: true });
    if (this.#loaded > limits.files) throw tooMuch(`${limits.files} files`);
    const data = await this.#files.read(place.file, limits.fileBytes);
    this.#bytes += data.length;
    if (this.#bytes > MAX_TOTAL) throw tooMuch(`${bytesText(MAX_TOTAL)} of files`);
    if (place.ground === 'library' && place.name === SAVER) return { contents: `${data.toString('utf8')}${AS_JSON}`, loader };
    // The author's own source maps would let a file speak for another; lines in problems are those of the files as they are. Of several
    // maps that a file names the last one counts.
    const mapped = loader !== 'json' && loader !== 'text' && data.includes('sourceMappingURL=');
    return { contents: mapped ? `${data.toString('utf8')}\n//# sourceMappingURL=none` : data, loader };
  }

  #said(error: unknown): PartialMessage {
    // What is read recursively is a package.json.
    if (error instanceof RangeError) return { text: 'its package.json is nested too deeply to be read', detail: { code: 'bundle-failed' } };
    if (error instanceof StoreFailure) {
      this.#failures.add(error.message);
      return { text: error.message };
    }
    if (!(error instanceof Refusal)) throw error;
    const { code, hint, whole, place } = error;
    return { text: error.message, detail: { code, hint, whole, place } };
  }
}

function loaderOf(name: string): Loader | undefined {
  return LOADERS[posix.extname(name).toLowerCase()];
}

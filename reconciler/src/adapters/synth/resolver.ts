/**
 * Where an import leads. There are two kinds of ground: the repository, which is hostile and from which no path may lead out, with the packages
 * that its lock file pins, and the packages that ship with Parapet. Nothing else is ever looked at for its content.
 */
import { dirname, join, posix, relative, sep } from 'node:path';
import type { Lack, LockedPackages } from './locked-packages.ts';
import { packageTargets, privateTarget, splitSpecifier } from './packages.ts';
import type { PackageJson } from './packages.ts';
import { isInside, Refusal } from './source-file.ts';
import { Substitutes } from './substitutes.ts';

/** A source file: which ground it is on and what it is called there. */
export interface Place {
  readonly ground: 'repository' | 'library';
  /** `lib/rules.ts` in the repository, `cdk8s/lib/app.js` in the library. */
  readonly name: string;
  /** Real path. */
  readonly file: string;
  /** Real path of the repository, or of the package in the library. */
  readonly root: string;
}

export interface ResolverOptions {
  /** Real path of the repository. */
  readonly repository: string;
  /** Packages that ship with Parapet: name to folder. */
  readonly library: Readonly<Record<string, string>>;
  /** The repository's files. */
  readonly files: LockedPackages;
}

/** The real folder of a package, or why the one that the lock file names can't be had. */
type Found = { readonly folder: string } | { readonly lack: Lack };

const EXTENSIONS = ['.ts', '.tsx', '.mts', '.cts', '.js', '.jsx', '.mjs', '.cjs', '.json'];
/** TypeScript asks for the name of the output; the repository holds the input. */
const OUTPUT_OF: Readonly<Record<string, readonly string[]>> = {
  '.js': ['.ts', '.tsx'],
  '.jsx': ['.tsx'],
  '.mjs': ['.mts'],
  '.cjs': ['.cts'],
};
const MAX_PACKAGE_JSON = 1024 * 1024;

/** Finds what imports mean. Throws a Refusal, in words for the author, for what can't or mustn't be imported. */
export class Resolver {
  readonly #repository: string;
  readonly #library: Readonly<Record<string, string>>;
  readonly #files: LockedPackages;
  /** What was taken in place of what the lock file names. */
  readonly substitutes = new Substitutes();
  readonly #names = new Map<string, string>();
  /** Real folders of shipped packages that the repository brings itself, to their names: links lead to some of them. */
  readonly #brought = new Map<string, string>();

  constructor(options: ResolverOptions) {
    this.#repository = options.repository;
    this.#library = options.library;
    this.#files = options.files;
  }

  /** The place that `specifier` means in `importer`; `kind` decides between the `import` and `require` conditions of a package. */
  async resolve(specifier: string, importer: Place, kind: 'import' | 'require'): Promise<Place> {
    if (specifier.includes('\0')) throw new Refusal('a name with a zero byte cannot be imported', { code: 'import-refused' });
    if (/^\.{0,2}\//.test(specifier) || specifier === '.' || specifier === '..') return this.#relative(specifier, importer);
    if (specifier.startsWith('#')) return this.#private(specifier, importer, kind);
    if (/^[a-z][a-z0-9+.-]*:/i.test(specifier)) {
      throw new Refusal(`${JSON.stringify(specifier)} is an address, and nothing is fetched`, {
        code: 'import-refused',
        hint: 'commit the file and import it',
      });
    }
    return this.#package(specifier, importer, kind);
  }

  /** The top of the repository: the place of what imports the program. */
  get start(): Place {
    return { ground: 'repository', name: '', file: join(this.#repository, 'entry'), root: this.#repository };
  }

  /** The program itself. */
  async entry(file: string): Promise<Place> {
    return this.#relative(`./${file}`, this.start);
  }

  /**
   * Whether the repository brings a package of its own in place of one that ships with Parapet, for other packages to see. Those that its lock file
   * names, and that can't be had, are noted.
   */
  async isBroughtAny(): Promise<boolean> {
    let isAny = false;
    for (const [name, shipped] of Object.entries(this.#library)) {
      const own = await this.#climb({ from: this.#repository, top: this.#repository, name });
      if (own !== undefined && 'lack' in own) this.substitutes.note(own.lack, name, shipped);
      else if (own !== undefined) isAny = true;
    }
    return isAny;
  }

  async #relative(specifier: string, importer: Place): Promise<Place> {
    if (specifier.startsWith('/')) {
      throw new Refusal(`${JSON.stringify(specifier)} is a path on this machine, not in the repository`, {
        code: 'import-refused',
        hint: 'only files of the repository can be imported, by a path that starts with ./ or ../',
      });
    }
    const target = join(dirname(importer.file), specifier);
    // Said before looking: whether a file exists outside is nothing that a program may learn.
    if (importer.ground === 'repository' && !isInside(this.#repository, target)) throw leaving(specifier);
    const found = await this.#file(target, { ground: importer.ground, root: importer.root, specifier });
    if (found === undefined) throw new Refusal(`${JSON.stringify(specifier)} is not there`, { code: 'bundle-failed' });
    return found;
  }

  /** `target` as a file, with the extensions people leave out, or as a folder with an index. */
  async #file(target: string, on: { ground: Place['ground']; root: string; specifier: string }): Promise<Place | undefined> {
    const extension = posix.extname(target);
    const stem = target.slice(0, target.length - extension.length);
    const names = [target, ...(OUTPUT_OF[extension] ?? []).map((each) => stem + each), ...EXTENSIONS.map((each) => target + each)];
    for (const name of names) {
      const found = await this.#files.locate(name);
      if (found === undefined || found.kind === 'directory') continue;
      if (!isInside(on.root, found.real)) throw leaving(on.specifier);
      if (found.kind === 'other') throw new Refusal(`${JSON.stringify(on.specifier)} is not a regular file`, { code: 'import-refused' });
      return this.#place(on.ground, on.root, found.real);
    }
    const folder = await this.#files.locate(target);
    if (folder?.kind !== 'directory') return undefined;
    if (!isInside(on.root, folder.real)) throw leaving(on.specifier);
    for (const index of EXTENSIONS) {
      const found = await this.#files.locate(join(folder.real, `index${index}`));
      if (found?.kind !== 'file') continue;
      if (!isInside(on.root, found.real)) throw leaving(on.specifier);
      return this.#place(on.ground, on.root, found.real);
    }
    return undefined;
  }

  async #package(specifier: string, importer: Place, kind: 'import' | 'require'): Promise<Place> {
    const wanted = splitSpecifier(specifier);
    if (wanted === undefined) throw new Refusal(`${JSON.stringify(specifier)} is not a module's name`, { code: 'bundle-failed' });
    const shipped = Object.hasOwn(this.#library, wanted.name) ? this.#library[wanted.name] : undefined;
    // A shipped package sees the repository's own cdk8s, where it brings one: two copies of one library would not know each other.
    const from = importer.ground === 'repository' ? dirname(importer.file) : shipped === undefined ? undefined : this.#repository;
    const own = from === undefined ? undefined : await this.#own({ from, name: wanted.name, shipped, specifier });
    if (own !== undefined) {
      return this.#inPackage({ ground: 'repository', root: this.#repository, folder: own, specifier, subpath: wanted.subpath, kind });
    }
    const folder = shipped ?? (await this.#beside(importer, wanted.name));
    const found = folder === undefined ? undefined : await this.#files.locate(folder);
    if (found === undefined) throw await this.#missing(wanted.name);
    return this.#inPackage({ ground: 'library', root: found.real, folder: found.real, specifier, subpath: wanted.subpath, kind });
  }

  /** The repository's own package of the name: in it, or pinned by its lock file. Without one a shipped one is taken. */
  async #own(wanted: {
    readonly from: string;
    readonly name: string;
    readonly shipped: string | undefined;
    readonly specifier: string;
  }): Promise<string | undefined> {
    const { name, shipped } = wanted;
    const own = await this.#climb({ from: wanted.from, top: this.#repository, name });
    if (own === undefined) return undefined;
    if ('lack' in own) {
      if (shipped === undefined) throw own.lack.error;
      this.substitutes.note(own.lack, name, shipped);
      return undefined;
    }
    if (!isInside(this.#repository, own.folder)) {
      if (shipped === undefined) throw leaving(wanted.specifier);
      return undefined;
    }
    if (shipped !== undefined && own.folder !== this.#repository) this.#brought.set(own.folder, name);
    return own.folder;
  }

  /** What a shipped package depends on itself. */
  async #beside(importer: Place, name: string): Promise<string | undefined> {
    if (importer.ground !== 'library') return undefined;
    const found = await this.#climb({ from: dirname(importer.file), top: sep, name });
    return found !== undefined && 'folder' in found ? found.folder : undefined;
  }

  /** A package in the nearest `node_modules` from `from` up to `top`. */
  async #climb(search: { readonly from: string; readonly top: string; readonly name: string }): Promise<Found | undefined> {
    for (let folder = search.from; ; folder = dirname(folder)) {
      const path = join(folder, 'node_modules', search.name);
      const found = await this.#files.locate(path);
      if (found?.kind === 'directory') return { folder: found.real };
      const lack = await this.#files.lackAt(path);
      if (lack !== undefined) return { lack };
      if (folder === search.top || folder === dirname(folder)) return undefined;
    }
  }

  async #missing(name: string): Promise<Refusal> {
    const hint = `${Object.keys(this.#library).join(', ')} ship with Parapet; for any other, ${await this.#files.hintFor(name)}`;
    return (
      (await this.#files.trouble()) ?? new Refusal(`the package ${JSON.stringify(name)} is not there`, { code: 'bundle-failed', hint })
    );
  }

  async #inPackage(wanted: {
    readonly ground: Place['ground'];
    readonly root: string;
    readonly folder: string;
    readonly specifier: string;
    readonly subpath: string;
    readonly kind: 'import' | 'require';
  }): Promise<Place> {
    const json = await this.#json(wanted.folder, wanted.root);
    const conditions = [wanted.kind, 'node', 'module-sync'];
    // The tree's own packages are used from their sources where those are there; nobody else's `source` means that.
    const tries = wanted.ground === 'library' ? [['source', ...conditions], conditions] : [conditions];
    for (const each of tries) {
      for (const target of packageTargets(json, wanted.subpath, new Set(each)) ?? []) {
        const path = join(wanted.folder, target);
        if (!isInside(wanted.root, path)) throw leaving(wanted.specifier);
        const found = await this.#file(path, wanted);
        if (found !== undefined) return found;
      }
    }
    throw new Refusal(`${JSON.stringify(wanted.specifier)} is not offered by its package`, { code: 'bundle-failed' });
  }

  async #private(specifier: string, importer: Place, kind: 'import' | 'require'): Promise<Place> {
    for (let folder = dirname(importer.file); isInside(importer.root, folder); folder = dirname(folder)) {
      if ((await this.#files.locate(join(folder, 'package.json'))) === undefined) continue;
      const target = privateTarget(await this.#json(folder, importer.root), specifier, new Set([kind, 'node']));
      if (target === undefined) break;
      if (!target.startsWith('.')) return this.#package(target, importer, kind);
      if (!isInside(importer.root, join(folder, target))) throw leaving(specifier);
      return this.#relative(target, { ...importer, file: join(folder, 'package.json') });
    }
    throw new Refusal(`${JSON.stringify(specifier)} is not in the "imports" of its package.json`, { code: 'bundle-failed' });
  }

  async #json(folder: string, root: string): Promise<PackageJson> {
    const found = await this.#files.locate(join(folder, 'package.json'));
    if (found === undefined) return {};
    if (!isInside(root, found.real)) throw new Refusal('its package.json leads out of the repository', { code: 'import-refused' });
    const name = posix.join(relative(root, folder).split(sep).join('/'), 'package.json');
    try {
      const json: unknown = JSON.parse((await this.#files.read(found.real, MAX_PACKAGE_JSON)).toString('utf8'));
      return typeof json === 'object' && json !== null ? json : {};
    } catch (error) {
      if (error instanceof Refusal) throw new Refusal(`${name}: ${error.message}`, { code: error.code });
      throw new Refusal(`${name} is not JSON`, { code: 'bundle-failed' });
    }
  }

  /** What a file of the repository is called; one of a shipped package is a library's, wherever a workspace keeps it. */
  #ownName(file: string, way: string): string {
    for (const [folder, name] of this.#brought)
      if (isInside(folder, file)) return `node_modules/${name}/${relative(folder, file).split(sep).join('/')}`;
    return way;
  }

  #place(ground: Place['ground'], root: string, file: string): Place {
    const known = this.#names.get(file);
    if (known !== undefined) return { ground, root, file, name: known };
    const way = relative(root, file).split(sep).join('/');
    const packageName =
      /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)$/.exec(root.split(sep).join('/'))?.[1] ?? `parapet-${posix.basename(root)}`;
    let name = ground === 'repository' ? this.#ownName(file, way) : `${packageName}/${way}`;
    // Two versions of one library: both need a name, and neither may be a path of this machine.
    const taken = new Set(this.#names.values());
    if (ground === 'library') while (taken.has(name)) name = `other/${name}`;
    this.#names.set(file, name);
    return { ground, root, file, name };
  }
}

function leaving(specifier: string): Refusal {
  return new Refusal(`${JSON.stringify(specifier)} leads out of the repository`, {
    code: 'import-refused',
    hint: 'only files of the repository can be imported; links must stay in it',
  });
}

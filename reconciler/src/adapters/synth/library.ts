/** Bundles the packages that ship with Parapet once, for all programs to come: most of what a program is made of is theirs. */
import { build } from 'esbuild';
import type { BuildOptions, BuildResult } from 'esbuild';
import { Ground } from './ground.ts';
import type { LibraryBundle } from './library-shim.ts';
import { DEFAULT_LIMITS } from './limits.ts';
import { LockedPackages } from './locked-packages.ts';
import { Resolver } from './resolver.ts';

/** Packages to their folders. */
export type Library = Readonly<Record<string, string>>;

/** Stands for a repository that brings nothing. */
const NOWHERE = '/dev/null';
const OPTIONS = {
  bundle: true,
  write: false,
  outfile: '/library.js',
  absWorkingDir: '/',
  platform: 'neutral',
  target: 'es2023',
  legalComments: 'none',
  charset: 'utf8',
  logLevel: 'silent',
  metafile: true,
  tsconfigRaw: { compilerOptions: { target: 'es2023', useDefineForClassFields: true } },
} as const satisfies BuildOptions;

/** All of `library` as one file. Rejects when one of its packages is not there. */
export async function bundleLibrary(library: Library): Promise<LibraryBundle> {
  const resolver = new Resolver({
    repository: NOWHERE,
    library,
    files: new LockedPackages({ repository: NOWHERE, isWanted: () => false }),
  });
  const packages: Record<string, { exports?: readonly string[] }> = {};
  const doors: string[] = [];
  for (const name of Object.keys(library)) {
    const place = await resolver.resolve(name, resolver.start, 'import');
    const names = await exportsOf(name, { library, place: place.name });
    packages[place.name] = names === undefined ? {} : { exports: names };
    doors.push(`${JSON.stringify(place.name)}: () => require(${JSON.stringify(name)})`);
  }
  const { outputFiles } = await bundleText(`module.exports = { ${doors.join(', ')} };`, { library, format: 'cjs' });
  return { code: outputFiles[0]?.text ?? '', packages };
}

/** The names that an ES module exports; `undefined` for CommonJS, which only knows them once it was run. */
async function exportsOf(
  name: string,
  within: { readonly library: Library; readonly place: string },
): Promise<readonly string[] | undefined> {
  const { library, place } = within;
  const { metafile } = await bundleText(`export * from ${JSON.stringify(name)};`, { library, format: 'esm' });
  if (metafile.inputs[`library:${place}`]?.format !== 'esm') return undefined;
  return Object.values(metafile.outputs).flatMap((output) => output.exports);
}

function bundleText(
  contents: string,
  { library, format }: { readonly library: Library; readonly format: 'cjs' | 'esm' },
): Promise<BuildResult<typeof OPTIONS>> {
  const ground = new Ground({ directory: NOWHERE, entry: '', library, limits: DEFAULT_LIMITS });
  return build({ ...OPTIONS, format, stdin: { contents, loader: 'js' }, plugins: [ground.plugin()] });
}

/** The packages that ship with Parapet as one file, and what stands for each of them in a program that is bundled with it. */

export interface LibraryBundle {
  /** A CommonJS module whose exports are functions by place (`cdk8s/lib/index.js`): each gives the package's module, evaluated once. */
  readonly code: string;
  /** By place: the names that the package exports, where it is an ES module. */
  readonly packages: Readonly<Record<string, { readonly exports?: readonly string[] }>>;
}

/** What the file is called: the `library:` in front of it tells it from the repository's. */
export const LIBRARY = 'parapet-library.js';

/** The module that stands for a package; `undefined` where the file has none of that name. Exports of an ES module stay known by their names. */
export function shimOf(library: LibraryBundle, place: string): string | undefined {
  if (!Object.hasOwn(library.packages, place)) return undefined;
  const module = `require(${JSON.stringify(LIBRARY)})[${JSON.stringify(place)}]()`;
  const names = library.packages[place]?.exports;
  if (names === undefined) return `module.exports = ${module};`;
  return [
    `const library = ${module};`,
    ...names.map((name, index) => `const _${index} = library.${name};\nexport { _${index} as ${name} };`),
  ].join('\n');
}

/** Which file of a package an import means, as Node decides it: `exports`, `imports`, `main`. Pure: paths in, paths out, nothing is read. */

export interface PackageJson {
  readonly name?: unknown;
  readonly main?: unknown;
  readonly exports?: unknown;
  readonly imports?: unknown;
}

/** `@scope/name/sub/path` cut in two: the package and `.` or `./sub/path`. `undefined` when it is not a package's name. */
export function splitSpecifier(specifier: string): { readonly name: string; readonly subpath: string } | undefined {
  const found = /^((?:@[^/\\%@]+\/)?[^/\\%@.][^/\\%@]*)(?:\/(.*))?$/.exec(specifier);
  if (found?.[1] === undefined) return undefined;
  return { name: found[1], subpath: found[2] === undefined ? '.' : `./${found[2]}` };
}

/**
 * The candidates for `subpath`, relative to the package's folder, best first. `undefined` when the package has an `exports` map that
 * does not offer it.
 */
export function packageTargets(json: PackageJson, subpath: string, conditions: ReadonlySet<string>): readonly string[] | undefined {
  if (json.exports !== undefined && json.exports !== null) {
    const target = matchMap(exportMap(json.exports), subpath, conditions);
    return target === undefined ? undefined : [target];
  }
  if (subpath !== '.') return [subpath];
  return typeof json.main === 'string' && json.main !== '' ? [json.main, './index'] : ['./index'];
}

/** What a private name (`#name`) of the package itself means, relative to its folder or another package's name. */
export function privateTarget(json: PackageJson, name: string, conditions: ReadonlySet<string>): string | undefined {
  return isMap(json.imports) ? matchMap(json.imports, name, conditions) : undefined;
}

const isMap = (value: unknown): value is Record<string, unknown> => typeof value === 'object' && value !== null && !Array.isArray(value);

/** A plain target or a map of conditions is short for `{ ".": … }`. */
function exportMap(exports: unknown): Record<string, unknown> {
  if (isMap(exports) && Object.keys(exports).some((key) => key.startsWith('.'))) return exports;
  return { '.': exports };
}

function matchMap(map: Record<string, unknown>, key: string, conditions: ReadonlySet<string>): string | undefined {
  if (Object.hasOwn(map, key) && !key.includes('*')) return pick(map[key], conditions);
  const patterns = Object.keys(map)
    .filter((pattern) => pattern.split('*').length === 2)
    .sort((left, right) => right.indexOf('*') - left.indexOf('*') || right.length - left.length);
  for (const pattern of patterns) {
    const [before = '', after = ''] = pattern.split('*');
    if (key.length > before.length + after.length - 1 && key.startsWith(before) && key.endsWith(after)) {
      const star = key.slice(before.length, key.length - after.length);
      return pick(map[pattern], conditions)?.replaceAll('*', () => star);
    }
  }
  return undefined;
}

/** The first target whose conditions hold. */
function pick(target: unknown, conditions: ReadonlySet<string>): string | undefined {
  if (typeof target === 'string') return target;
  const inner = Array.isArray(target)
    ? (target as unknown[])
    : isMap(target)
      ? Object.entries(target).flatMap(([condition, each]) => (condition === 'default' || conditions.has(condition) ? [each] : []))
      : [];
  for (const each of inner) {
    const found = pick(each, conditions);
    if (found !== undefined) return found;
  }
  return undefined;
}

/** What is known of the symbolic links in the roots of this node's containers. Those of one image are alike, and share what is known. */
import type { Links, RootLinks } from '@parapet/policy';
import { NO_LINKS } from '@parapet/policy';

export interface KnownLinks extends RootLinks {
  /** Paths that were looked up at some time: what one led to then is in `first`, or it led nowhere else. */
  readonly seen: ReadonlySet<string>;
  /** Equal for links that mean the same for every rule. */
  readonly key: string;
}

export const UNKNOWN_LINKS: KnownLinks = { ...NO_LINKS, seen: new Set(), key: '' };

/** More different ones than this are not shared any more: it only saves memory. */
const MOST_SHARED = 1_000;

export class RootLinkPool {
  readonly #known = new Map<string, KnownLinks>();
  readonly #unions = new WeakMap<ReadonlySet<string>, WeakMap<readonly string[], ReadonlySet<string>>>();

  /** What is known after `paths` were looked up and led to what `found` says. */
  learn(before: KnownLinks, { paths, found }: { readonly paths: readonly string[]; readonly found: Links }): KnownLinks {
    const first = new Map(before.first);
    for (const [path, targets] of found) if (!before.seen.has(path)) first.set(path, targets);
    const seen = this.#union(before.seen, paths);
    const key = JSON.stringify([sorted(first), sorted(found)]);
    const known = this.#known.get(key);
    if (known?.seen === seen) return known;
    const next = { first: known?.first ?? first, now: known?.now ?? found, seen, key: first.size + found.size === 0 ? '' : key };
    if (this.#known.size >= MOST_SHARED) this.#known.clear();
    this.#known.set(key, next);
    return next;
  }

  #union(seen: ReadonlySet<string>, paths: readonly string[]): ReadonlySet<string> {
    const unions = this.#unions.get(seen) ?? new WeakMap<readonly string[], ReadonlySet<string>>();
    this.#unions.set(seen, unions);
    const union = unions.get(paths) ?? (paths.every((path) => seen.has(path)) ? seen : new Set([...seen, ...paths]));
    unions.set(paths, union);
    return union;
  }
}

function sorted(links: Links): readonly (readonly [string, readonly string[]])[] {
  return [...links].sort(([a], [b]) => (a < b ? -1 : 1));
}

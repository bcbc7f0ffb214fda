/** Where paths lead in the root of a process. */
import type { LinkResolver } from '../../ports.ts';
import { askRoot } from './ask-root.ts';
import { openLibrary } from './library.ts';

/** Opens the bridge in `bpfDirectory`. */
export function openLinks({ bpfDirectory, proc = '/proc' }: { readonly bpfDirectory: string; readonly proc?: string }): LinkResolver {
  const library = openLibrary(bpfDirectory);
  return {
    async resolve(pid, paths) {
      const pairs = await askRoot(library.parapet_resolve, `${proc}/${pid}/root`, paths);
      return pairs === undefined ? undefined : linksOf(pairs);
    },
  };
}

/** Targets that are not UTF-8 cannot be named in a rule. */
function linksOf(pairs: readonly (readonly [string, string])[]): Map<string, readonly string[]> {
  const links = new Map<string, readonly string[]>();
  for (const [path, target] of pairs) {
    const known = links.get(path) ?? [];
    if (!target.includes('\ufffd') && !known.includes(target)) links.set(path, [...known, target]);
  }
  return links;
}

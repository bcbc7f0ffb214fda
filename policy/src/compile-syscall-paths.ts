/** The system calls that a container's policies audit where they act on a path: a trie of the paths, and sets of calls at its nodes. */
import { SITE } from './abi.ts';
import type { Rule } from './model.ts';
import { hookNumbersTelling } from './path-syscalls.ts';
import { syscallPathSiteKey } from './site.ts';
import type { SyscallPaths, SyscallPathSet, TableNode, Words } from './table.ts';
import { sitesOf } from './trie.ts';
import type { Giver, TrieMatch, WordSite } from './trie.ts';
import { compareBytes, utf8 } from './utf8.ts';

interface Branch {
  readonly children: Map<string, Branch>;
  /** Calls by where they are and whose they are, each with the first rule that names it. */
  readonly calls: Map<string, { readonly site: WordSite; readonly source: number; readonly givers: Map<string, Giver> }>;
}

/** Rules that name no path, and so no trie. */
export const NO_SYSCALL_PATHS: SyscallPaths = { root: 0, nodes: [], sets: [] };

/** `first` is the id of the trie's root, under which the directory `/` has no name; see `compileSyscalls` for `classesOf`. */
export function compileSyscallPaths(
  givers: readonly Giver[],
  { first, classesOf }: { readonly first: number; readonly classesOf: (rule: Rule) => readonly number[] },
): { syscallPaths: SyscallPaths; sites: ReadonlyMap<string, Giver> } {
  const top = newBranch();
  for (const giver of givers) {
    if (giver.rule.section === 'syscalls' && giver.rule.on !== undefined) plant(top, { giver, on: giver.rule.on, classesOf });
  }
  const sites = new Map<string, Giver>();
  if (top.children.size === 0 && top.calls.size === 0) return { syscallPaths: NO_SYSCALL_PATHS, sites };
  const nodes: TableNode[] = [];
  const sets: SyscallPathSet[] = [];
  const visit = (branch: Branch, at: { readonly parent: number; readonly name: Uint8Array }): void => {
    const id = first + nodes.length + 1;
    const own = setsOf(branch, id);
    nodes.push({ id, ...at, words: wordsOf(own), sources: new Map() });
    sets.push(...own);
    for (const { site, source, givers: named } of branch.calls.values())
      for (const [syscall, giver] of named) sites.set(syscallPathSiteKey({ node: id, site, source, syscall }), giver);
    const children = [...branch.children].map(([name, child]) => ({ name: utf8(name), child }));
    for (const { name, child } of children.sort((a, b) => compareBytes(a.name, b.name))) visit(child, { parent: id, name });
  };
  visit(top, { parent: first, name: new Uint8Array() });
  return { syscallPaths: { root: first, nodes, sets: [...allOf(sets, first), ...sets] }, sites };
}

function newBranch(): Branch {
  return { children: new Map(), calls: new Map() };
}

interface Planting {
  readonly giver: Giver;
  readonly on: TrieMatch;
  readonly classesOf: (rule: Rule) => readonly number[];
}

function plant(top: Branch, { giver, on, classesOf }: Planting): void {
  const { rule } = giver;
  if (rule.section !== 'syscalls') return;
  const components = (on.type === 'path' ? on.path : on.dir).split('/').filter((component) => component !== '');
  const branch = components.reduce((at, name) => {
    const child = at.children.get(name) ?? newBranch();
    at.children.set(name, child);
    return child;
  }, top);
  for (const site of sitesOf(on)) {
    for (const source of classesOf(rule)) {
      const key = `${site}/${source}`;
      const calls = branch.calls.get(key) ?? { site, source, givers: new Map<string, Giver>() };
      branch.calls.set(key, calls);
      for (const syscall of rule.syscalls) if (!calls.givers.has(syscall)) calls.givers.set(syscall, giver);
    }
  }
}

/** The sets of one node: its calls by the hooks that tell of them. */
function setsOf(branch: Branch, node: number): readonly SyscallPathSet[] {
  const sets = [...branch.calls.values()].flatMap(({ site, source, givers }) => {
    const byHook = new Map<number, Set<string>>();
    for (const syscall of givers.keys())
      for (const hook of hookNumbersTelling(syscall)) byHook.set(hook, (byHook.get(hook) ?? new Set()).add(syscall));
    return [...byHook].map(([hook, names]): SyscallPathSet => ({ node, hook, site, source, names }));
  });
  return sets.sort((a, b) => a.hook - b.hook || numberOf(a) - numberOf(b) || a.source - b.source);
}

function numberOf({ site }: SyscallPathSet): number {
  return site === undefined ? 0 : SITE[site];
}

/** A bit for each hook that one of the sets is for. */
function wordsOf(sets: readonly SyscallPathSet[]): Words {
  const of = (site: WordSite): number => sets.reduce((word, set) => (set.site === site ? word | (1 << set.hook) : word), 0);
  return { exact: of('exact'), child: of('child'), deep: of('deep') };
}

/** At the root, for each hook all calls of the table: what is not among them costs the kernel one look. */
function allOf(sets: readonly SyscallPathSet[], root: number): readonly SyscallPathSet[] {
  const byHook = new Map<number, Set<string>>();
  for (const { hook, names } of sets) {
    const all = byHook.get(hook) ?? new Set();
    byHook.set(hook, all);
    for (const name of names) all.add(name);
  }
  return [...byHook].sort(([a], [b]) => a - b).map(([hook, names]) => ({ node: root, hook, source: 0, names }));
}

/** The component trie while it is built: every cell remembers the rule that gave its verdict. */
import { PATH_OPERATION, VERDICT, WHO } from './abi.ts';
import type { PathOperation } from './access.ts';
import type { ArguedNode, HeldArguments } from './argument-rules.ts';
import type { FileMatch, Policy, Rule } from './model.ts';
import { siteKey } from './site.ts';
import type { TableNode, Words } from './table.ts';
import { compareBytes, utf8 } from './utf8.ts';

export type PathRule = Extract<Rule, { match: unknown }>;

export interface Giver {
  readonly policy: Policy;
  readonly rule: Rule;
}

/** One verdict for one operation and one of {owner, other}. */
export interface Cell {
  readonly operation: PathOperation;
  readonly owner: boolean;
  readonly verdict: number;
}

/** Which word of a node. */
export type WordSite = keyof Words;

/** What has a place in the trie. */
export type TrieMatch = Exclude<FileMatch, { type: 'pattern' }>;

interface Held extends Cell {
  readonly site: WordSite;
  readonly giver: Giver;
}

/** Cells by a number for site, operation and who: there may be hundreds of thousands of them. */
type Cells = Map<number, Held>;

const SITE_BITS: Readonly<Record<WordSite, number>> = { exact: 0, child: 16, deep: 32 };

export interface Branch {
  readonly children: Map<string, Branch>;
  /** Source class (0: any source) to the cells of its words. */
  readonly cells: Map<number, Cells>;
  /** What its rules say of arguments. */
  readonly argued: HeldArguments[];
}

export function newBranch(): Branch {
  return { children: new Map(), cells: new Map(), argued: [] };
}

/** The branch at a rule's path, made where there is none. */
export function branchAt(root: Branch, match: TrieMatch): Branch {
  return branchesTo(root, pathOf(match)).at(-1) ?? root;
}

/** The branches of the directories that a rule's path lies in; `/` is not among them, since nobody moves it. */
export function branchesAbove(root: Branch, match: TrieMatch): readonly Branch[] {
  return branchesTo(root, pathOf(match)).slice(0, -1);
}

/** The branches of every component of a path, made where there is none. */
export function branchesTo(root: Branch, path: string): readonly Branch[] {
  let branch = root;
  const components = path.split('/').filter((component) => component !== '');
  return components.map((component) => (branch = childOf(branch, component)));
}

function pathOf(match: TrieMatch): string {
  return match.type === 'path' ? match.path : match.dir;
}

/** The branch under a name, made where there is none. */
export function childOf(branch: Branch, name: string): Branch {
  const known = branch.children.get(name);
  if (known !== undefined) return known;
  const child = newBranch();
  branch.children.set(name, child);
  return child;
}

/** Which words a rule speaks for. A recursive directory rule also holds for direct children and for the directory itself. */
export function sitesOf(match: TrieMatch): readonly WordSite[] {
  if (match.type === 'path') return ['exact'];
  return match.recursive ? ['exact', 'child', 'deep'] : ['exact', 'child'];
}

/** Adds a verdict; a stronger one, or else the first, stays. */
export function put(branch: Branch, cell: Held & { readonly source: number }): void {
  const { source } = cell;
  let cells = branch.cells.get(source);
  if (cells === undefined) {
    cells = new Map();
    branch.cells.set(source, cells);
  }
  const key = SITE_BITS[cell.site] + cellShift(cell.operation, cell.owner);
  const before = cells.get(key);
  if (before === undefined || before.verdict < cell.verdict) cells.set(key, cell);
}

interface Numbering {
  readonly first: number;
  readonly sites: Map<string, Giver>;
  readonly names?: boolean;
}

export interface Numbered {
  readonly root: { readonly words: Words; readonly sources: ReadonlyMap<number, Words> };
  readonly nodes: readonly TableNode[];
  readonly argued: readonly ArguedNode[];
}

/**
 * Gives numbers to the branches: the root is `first`, then depth first in the order of the names' bytes, so that equal rules give equal
 * tables. Adds the givers to `sites`. `names`: the trie holds names of executables, one component each.
 */
export function numberBranches(root: Branch, { first, sites, names = false }: Numbering): Numbered {
  const nodes: TableNode[] = [];
  const argued: ArguedNode[] = [];
  const words = (branch: Branch, id: number): { words: Words; sources: Map<number, Words> } => wordsOf(branch, { id, sites, names });
  const visit = (branch: Branch, id: number): void => {
    const children = [...branch.children].map(([name, child]) => ({ name: utf8(name), child }));
    for (const { name, child } of children.sort((a, b) => compareBytes(a.name, b.name))) {
      const childId = first + nodes.length + 1;
      nodes.push({ id: childId, parent: id, name, ...words(child, childId) });
      if (child.argued.length > 0) argued.push({ id: childId, held: child.argued });
      visit(child, childId);
    }
  };
  const top = words(root, first);
  visit(root, first);
  return { root: top, nodes, argued };
}

function wordsOf(
  branch: Branch,
  { id, sites, names }: { id: number; sites: Map<string, Giver>; names: boolean },
): { words: Words; sources: Map<number, Words> } {
  const bySource = new Map<number, Words>();
  for (const [source, cells] of [...branch.cells].sort(([a], [b]) => a - b)) {
    const words = { exact: 0, child: 0, deep: 0 };
    for (const { site, operation, owner, verdict, giver } of cells.values()) {
      words[site] |= verdict << cellShift(operation, owner);
      sites.set(siteKey({ node: id, site: names ? 'execname' : site, source, operation, owner }), giver);
    }
    bySource.set(source, words);
  }
  const words = bySource.get(0) ?? { exact: 0, child: 0, deep: 0 };
  bySource.delete(0);
  return { words, sources: bySource };
}

/** Where a cell is in a verdict word, in bits from the least significant. */
export function cellShift(operation: PathOperation, owner: boolean): number {
  return PATH_OPERATION[operation] * 4 + (owner ? WHO.owner : WHO.other) * 2;
}

/** The cells that a rule fills: what it says, to tasks with or without a terminal, for each operation of its class and for owner and others. */
export function cellsOf(rule: PathRule, terminal: boolean): readonly Cell[] {
  const operations: readonly PathOperation[] = rule.section === 'process' ? ['exec'] : ['read', 'write'];
  const readOnly = rule.section === 'file' && rule.readOnly;
  const refusal = refusalOf(rule);
  const plain = rule.action === 'Allow' || rule.ownerOnly || rule.noTerminal || hasArguments(rule) ? VERDICT.allow : refusal;
  return operations.flatMap((operation) => {
    const permitted = readOnly ? (operation === 'read' ? VERDICT.allow : refusal) : plain;
    const toThose = rule.noTerminal && terminal ? refusal : permitted;
    return [
      { operation, owner: true, verdict: toThose },
      { operation, owner: false, verdict: rule.ownerOnly ? refusal : toThose },
    ];
  });
}

/** Whether a rule is content with some arguments and not with others. */
export function hasArguments(rule: PathRule): boolean {
  return rule.section === 'process' && rule.allowedArgs !== undefined;
}

/** What a rule says to those whom it does not permit. */
export function refusalOf({ action, asWritten }: Pick<Rule, 'action' | 'asWritten'>): number {
  return action === 'Audit' || asWritten !== undefined ? VERDICT.audit : VERDICT.block;
}

/** What a rule says to moving a directory above its path: what it refuses, nobody may carry away. */
export function moveCellsOf(rule: PathRule): readonly Cell[] {
  const verdict = hasArguments(rule) ? refusalOf(rule) : Math.max(...cellsOf(rule, true).map((cell) => cell.verdict));
  if (verdict === VERDICT.allow) return [];
  return [true, false].map((owner) => ({ operation: 'move', owner, verdict }));
}

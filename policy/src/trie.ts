/** The component trie while it is built: every cell remembers the rule that gave its verdict. */
import { PATH_OPERATION, VERDICT, WHO } from './abi.ts';
import type { PathOperation } from './access.ts';
import type { PathMatch, Policy, Rule } from './model.ts';
import { siteKey } from './site.ts';
import type { PathSite } from './site.ts';
import type { TableNode, Words } from './table.ts';
import { utf8 } from './utf8.ts';

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

interface Held extends Cell {
  readonly site: PathSite;
  readonly giver: Giver;
}

/** Cells by `site/operation/who`. */
type Cells = Map<string, Held>;

export interface Branch {
  readonly children: Map<string, Branch>;
  /** Source class (0: any source) to the cells of its words. */
  readonly cells: Map<number, Cells>;
}

export function newBranch(): Branch {
  return { children: new Map(), cells: new Map() };
}

/** The branch at a rule's path, made where there is none. */
export function branchAt(root: Branch, match: PathMatch): Branch {
  return branchesTo(root, match).at(-1) ?? root;
}

/** The branches of the directories that a rule's path lies in; `/` is not among them, since nobody moves it. */
export function branchesAbove(root: Branch, match: PathMatch): readonly Branch[] {
  return branchesTo(root, match).slice(0, -1);
}

/** The branches of every component of a rule's path, made where there is none. */
function branchesTo(root: Branch, match: PathMatch): readonly Branch[] {
  let branch = root;
  return componentsOf(match).map((component) => {
    const next = branch.children.get(component) ?? newBranch();
    branch.children.set(component, next);
    branch = next;
    return next;
  });
}

function componentsOf(match: PathMatch): readonly string[] {
  return (match.type === 'path' ? match.path : match.dir).split('/').filter((component) => component !== '');
}

/** Which words a rule speaks for. A recursive directory rule also holds for direct children and for the directory itself. */
export function sitesOf(match: PathMatch): readonly PathSite[] {
  if (match.type === 'path') return ['exact'];
  return match.recursive ? ['exact', 'child', 'deep'] : ['exact', 'child'];
}

/** Adds a verdict; a stronger one, or else the first, stays. */
export function put(branch: Branch, held: Held & { readonly source: number }): void {
  const { source, ...cell } = held;
  let cells = branch.cells.get(source);
  if (cells === undefined) {
    cells = new Map();
    branch.cells.set(source, cells);
  }
  const key = `${cell.site}/${cell.operation}/${cell.owner ? 'owner' : 'other'}`;
  const before = cells.get(key);
  if (before === undefined || before.verdict < cell.verdict) cells.set(key, cell);
}

export interface Numbered {
  readonly root: { readonly words: Words; readonly sources: ReadonlyMap<number, Words> };
  readonly nodes: readonly TableNode[];
  readonly sites: ReadonlyMap<string, Giver>;
}

/** Gives numbers to the branches: the root is `first`, then depth first in the order of the names' bytes, so that equal rules give equal tables. */
export function numberBranches(root: Branch, first = 1): Numbered {
  const nodes: TableNode[] = [];
  const sites = new Map<string, Giver>();
  const visit = (branch: Branch, id: number): void => {
    const children = [...branch.children].map(([name, child]) => ({ name: utf8(name), child }));
    for (const { name, child } of children.sort((a, b) => compareBytes(a.name, b.name))) {
      const childId = first + nodes.length + 1;
      nodes.push({ id: childId, parent: id, name, ...wordsOf(child, { id: childId, sites }) });
      visit(child, childId);
    }
  };
  const top = wordsOf(root, { id: first, sites });
  visit(root, first);
  return { root: top, nodes, sites };
}

function wordsOf(branch: Branch, { id, sites }: { id: number; sites: Map<string, Giver> }): { words: Words; sources: Map<number, Words> } {
  const bySource = new Map<number, Words>();
  for (const [source, cells] of [...branch.cells].sort(([a], [b]) => a - b)) {
    const words = { exact: 0, child: 0, deep: 0 };
    for (const { site, operation, owner, verdict, giver } of cells.values()) {
      words[site] |= verdict << cellShift(operation, owner);
      sites.set(siteKey({ node: id, site, source, operation, owner }), giver);
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

/** The cells that a rule fills: what it says for each operation of its class and for owner and others. */
export function cellsOf(rule: Extract<Rule, { match: PathMatch }>): readonly Cell[] {
  const operations: readonly PathOperation[] = rule.section === 'process' ? ['exec'] : ['read', 'write'];
  const readOnly = rule.section === 'file' && rule.readOnly;
  const refusal = rule.action === 'Audit' ? VERDICT.audit : VERDICT.block;
  const plain = rule.action === 'Allow' ? VERDICT.allow : refusal;
  return operations.flatMap((operation) => {
    const toThose = readOnly ? (operation === 'read' ? VERDICT.allow : refusal) : rule.ownerOnly ? VERDICT.allow : plain;
    return [
      { operation, owner: true, verdict: toThose },
      { operation, owner: false, verdict: rule.ownerOnly ? refusal : toThose },
    ];
  });
}

/** What a rule says to moving a directory above its path: what it refuses, nobody may carry away. */
export function moveCellsOf(rule: Extract<Rule, { match: PathMatch }>): readonly Cell[] {
  const verdict = Math.max(...cellsOf(rule).map((cell) => cell.verdict));
  if (verdict === VERDICT.allow) return [];
  return [true, false].map((owner) => ({ operation: 'move', owner, verdict }));
}

function compareBytes(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i += 1) {
    const difference = (a[i] ?? 0) - (b[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return a.length - b.length;
}

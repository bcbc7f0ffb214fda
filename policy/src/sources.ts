/**
 * The programs that rules name with `fromSource`. A program may be meant by several of them (its path, its directory, one above it): each set
 * of them that some program can have is a source class, and a trie says which class a program is of.
 */
import type { SourceMatch } from './model.ts';
import type { SourceNode, SourceTrie } from './table.ts';
import { compareBytes, utf8 } from './utf8.ts';

interface Branch {
  readonly children: Map<string, Branch>;
  /** What is named here, by the words that it fills. */
  readonly paths: Set<string>;
  readonly dirs: Set<string>;
  readonly recursive: Set<string>;
}

/** Source classes, and for each of the rules' sources the classes of the programs that it means. */
export interface SourceClasses {
  readonly trie: SourceTrie;
  readonly classesOf: ReadonlyMap<string, readonly number[]>;
}

interface Numbering {
  readonly nodes: SourceNode[];
  /** From a set of sources to its class. */
  readonly classes: Map<string, number>;
  readonly classesOf: Map<string, number[]>;
}

/** One text for each source; different sources have different texts. */
export function sourceKey(source: SourceMatch): string {
  return typeof source === 'string' ? `path ${source}` : `${source.recursive ? 'tree' : 'dir'} ${source.dir}`;
}

/** Gives numbers to the source classes, in the order of the names' bytes, so that equal rules give equal tables. */
export function classifySources(sources: Iterable<SourceMatch>): SourceClasses {
  const root = newBranch();
  for (const source of sources) plant(root, source);
  const numbering: Numbering = { nodes: [], classes: new Map(), classesOf: new Map() };
  const child = classOf(numbering, [root.dirs, root.recursive]);
  const deep = classOf(numbering, [root.recursive]);
  visit(numbering, { branch: root, id: 0, within: [root.recursive] });
  const trie = { root: { exact: 0, child, deep }, nodes: numbering.nodes, classes: numbering.classes.size };
  return { trie, classesOf: numbering.classesOf };
}

function newBranch(): Branch {
  return { children: new Map(), paths: new Set(), dirs: new Set(), recursive: new Set() };
}

function plant(root: Branch, source: SourceMatch): void {
  const components = (typeof source === 'string' ? source : source.dir).split('/').filter((component) => component !== '');
  const branch = components.reduce((at, component) => {
    const next = at.children.get(component) ?? newBranch();
    at.children.set(component, next);
    return next;
  }, root);
  if (typeof source === 'string') branch.paths.add(sourceKey(source));
  else branch[source.recursive ? 'recursive' : 'dirs'].add(sourceKey(source));
}

/** `within`: the recursive directories that this branch is in, its own included. */
function visit(numbering: Numbering, at: { branch: Branch; id: number; within: readonly ReadonlySet<string>[] }): void {
  const children = [...at.branch.children].map(([name, branch]) => ({ name: utf8(name), branch }));
  for (const { name, branch } of children.sort((a, b) => compareBytes(a.name, b.name))) {
    const within = branch.recursive.size === 0 ? at.within : [...at.within, branch.recursive];
    const exact = classOf(numbering, [branch.paths, at.branch.dirs, ...at.within]);
    const words = { exact, child: classOf(numbering, [branch.dirs, ...within]), deep: classOf(numbering, within) };
    const id = numbering.nodes.push({ parent: at.id, name, words });
    visit(numbering, { branch, id, within });
  }
}

/** The class of all programs that exactly these sources mean; 0 for those that none means. */
function classOf({ classes, classesOf }: Numbering, sets: readonly ReadonlySet<string>[]): number {
  const sources = [...new Set(sets.flatMap((set) => [...set]))].sort();
  if (sources.length === 0) return 0;
  const key = JSON.stringify(sources);
  const known = classes.get(key);
  if (known !== undefined) return known;
  const number = classes.size + 1;
  classes.set(key, number);
  for (const source of sources) classesOf.set(source, [...(classesOf.get(source) ?? []), number]);
  return number;
}

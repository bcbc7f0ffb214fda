/** From the policies of one container to its table: what the kernel needs to decide, and for each verdict the rule it comes from. */
import { capabilityNumber } from './capability.ts';
import { compilePatterns } from './compile-patterns.ts';
import type { CompiledPatterns } from './compile-patterns.ts';
import { edgesOf } from './edges.ts';
import { directoryOf, globOf } from './glob.ts';
import { NETWORK_NAMES } from './model.ts';
import type { NetworkName, PathMatch, Policy, Postures, Rule, Section } from './model.ts';
import type { Problem } from './problem.ts';
import { flatSiteKey, terminalSiteKey } from './site.ts';
import { classifySources, sourceKey } from './sources.ts';
import type { SourceClasses } from './sources.ts';
import type { ClassDefault, Table } from './table.ts';
import { branchAt, branchesAbove, branchesTo, cellsOf, childOf, moveCellsOf, newBranch, numberBranches, put, sitesOf } from './trie.ts';
import type { Branch, Cell, Giver, PathRule, WordSite } from './trie.ts';

/** Most trie nodes, and most words of their own for sources, that one table may have. */
export const MAX_TABLE_NODES = 200_000;
/** Source classes travel in 16 bits, and 0 means any source. */
export const MAX_TABLE_SOURCES = 65_535;

const ACTION_VERDICT = { Allow: 'allow', Audit: 'audit', Block: 'block' } as const;

interface FlatBuild {
  network: Record<'allow' | 'audit' | 'block', number>;
  capability: Record<'allow' | 'audit' | 'block', bigint>;
}

interface Build {
  /** Whether it is for tasks with a terminal. */
  readonly terminal: boolean;
  readonly root: Branch;
  readonly names: Branch;
  /** Source classes by what rules name. */
  readonly classesOf: ReadonlyMap<string, readonly number[]>;
  /** Flat rules by source class, 0 for any source. */
  readonly flat: Map<number, FlatBuild>;
  readonly flatSites: Map<string, Giver>;
}

/**
 * Compiles the policies of one container (those that match it). Equal rules give equal tables, whatever the order of the policies; the
 * order decides only which of several equal rules is named. No table where there is no rule; `table-too-large` where there are too many.
 */
export function compile(policies: readonly Policy[], postures: Postures): { table?: Table; problems: Problem[] } {
  const rules = policies.flatMap((policy) => policy.rules.map((rule): Giver => ({ policy, rule })));
  if (rules.length === 0) return { problems: [] };
  const shared: Shared = {
    rules,
    policies,
    postures,
    sources: classifySources(rules.flatMap(({ rule }) => rule.from)),
    patterns: compilePatterns(rules),
  };
  const table = withTerminal(compileFor(shared, false), shared);
  const problems = [...shared.patterns.problems, ...tooLarge(table)];
  return problems.length === 0 ? { table, problems } : { problems };
}

/** What a table and that for tasks with a terminal have in common. */
interface Shared {
  readonly rules: readonly Giver[];
  readonly policies: readonly Policy[];
  readonly postures: Postures;
  readonly sources: SourceClasses;
  readonly patterns: CompiledPatterns;
}

/** Adds the table for tasks with a terminal, where a rule tells them apart. */
function withTerminal(table: Table, shared: Shared): Table {
  if (!shared.rules.some(({ rule }) => rule.noTerminal)) return table;
  const terminal = compileFor(shared, true);
  const offset = edgesOf(table).idCount;
  const sites = new Map([...[...terminal.sites].map(([key, giver]) => [terminalSiteKey(key, offset), giver] as const), ...table.sites]);
  return { ...table, terminal, sites };
}

function compileFor({ rules, policies, postures, sources, patterns }: Shared, terminal: boolean): Table {
  const build: Build = {
    terminal,
    root: newBranch(),
    names: newBranch(),
    classesOf: sources.classesOf,
    flat: new Map([[0, newFlat()]]),
    flatSites: new Map(),
  };
  for (const giver of rules) addRule(build, giver);
  const { root, nodes, sites } = numberBranches(build.root, { first: 1 });
  const names = numberBranches(build.names, { first: nodes.length + 2, names: true });
  return {
    root,
    nodes,
    names: { root: names.nodes.length === 0 ? 0 : nodes.length + 2, nodes: names.nodes },
    ...(patterns.table === undefined ? {} : { patterns: patterns.table }),
    sources: sources.trie,
    flat: build.flat.get(0) ?? newFlat(),
    sourceFlat: new Map([...build.flat].filter(([source]) => source !== 0).sort(([a], [b]) => a - b)),
    defaults: defaultsOf(rules, postures),
    policies,
    sites: new Map([...sites, ...names.sites, ...patterns.sites, ...build.flatSites]),
  };
}

function newFlat(): FlatBuild {
  return { network: { allow: 0, audit: 0, block: 0 }, capability: { allow: 0n, audit: 0n, block: 0n } };
}

function addRule(build: Build, giver: Giver): void {
  const { rule } = giver;
  const sources = rule.from.length === 0 ? [0] : rule.from.flatMap((source) => build.classesOf.get(sourceKey(source)) ?? []);
  for (const source of new Set(sources)) {
    if (rule.section === 'network' || rule.section === 'capabilities') addFlat(build, { giver, rule, source });
    else addPath(build, { giver, rule, source });
  }
}

function addPath(build: Build, at: { giver: Giver; rule: PathRule; source: number }): void {
  const { giver, rule, source } = at;
  const { match } = rule;
  const cells = cellsOf(rule, build.terminal);
  if (match.type === 'name') putAll(childOf(build.names, match.name), { cells, sites: ['exact'], giver, source });
  if (match.type === 'path' || match.type === 'directory') {
    putAll(branchAt(build.root, match), { cells, sites: sitesOf(match), giver, source });
  }
  // Whoever moves a directory moves what is below it, whatever program may touch that.
  for (const above of directoriesOf(build.root, match)) putAll(above, { cells: moveCellsOf(rule), sites: ['exact'], giver, source: 0 });
}

/** The branches of the directories that a rule is about something below of. */
function directoriesOf(root: Branch, match: PathMatch): readonly Branch[] {
  if (match.type === 'name') return [];
  return match.type === 'pattern' ? branchesTo(root, directoryOf(globOf(match.pattern))) : branchesAbove(root, match);
}

interface Putting {
  readonly cells: readonly Cell[];
  readonly sites: readonly WordSite[];
  readonly giver: Giver;
  readonly source: number;
}

function putAll(branch: Branch, { cells, sites, giver, source }: Putting): void {
  for (const site of sites) for (const cell of cells) put(branch, { ...cell, site, giver, source });
}

function addFlat(build: Build, at: { giver: Giver; rule: Extract<Rule, { section: 'network' | 'capabilities' }>; source: number }): void {
  const { giver, rule, source } = at;
  const verdict =
    ACTION_VERDICT[rule.noTerminal && !build.terminal ? 'Allow' : rule.noTerminal && rule.action === 'Allow' ? 'Block' : rule.action];
  let flat = build.flat.get(source);
  if (flat === undefined) {
    flat = newFlat();
    build.flat.set(source, flat);
  }
  const what: NetworkName | number = rule.section === 'network' ? rule.protocol : numberOf(rule.capability);
  if (typeof what === 'number') flat.capability[verdict] |= 1n << BigInt(what);
  else flat.network[verdict] |= 1 << NETWORK_NAMES.indexOf(what);
  const key = flatSiteKey({ source, what, verdict });
  if (!build.flatSites.has(key)) build.flatSites.set(key, giver);
}

function numberOf(capability: string): number {
  const number = capabilityNumber(capability);
  if (number === undefined) throw new Error(`no capability is called ${capability}: the policy did not come from the parser`);
  return number;
}

function defaultsOf(rules: readonly Giver[], postures: Postures): Table['defaults'] {
  const allowListed = new Set<Section>(rules.filter(({ rule }) => rule.action === 'Allow').map(({ rule }) => rule.section));
  const of = (section: Section, posture: ClassDefault): ClassDefault => (allowListed.has(section) ? posture : 'none');
  return {
    process: of('process', postures.file),
    file: of('file', postures.file),
    network: of('network', postures.network),
    capabilities: of('capabilities', postures.capabilities),
  };
}

/** Every way in which a table can be too large for the kernel's maps, with the number that is. */
function tooLarge(table: Table): Problem[] {
  const words = table.root.sources.size + [...table.nodes, ...table.names.nodes].reduce((sum, node) => sum + node.sources.size, 0);
  const counts = [
    { count: edgesOf(table).edges.length, most: MAX_TABLE_NODES, what: 'path components' },
    { count: words, most: MAX_TABLE_NODES, what: 'combinations of a path and a source' },
    { count: table.sources.classes, most: MAX_TABLE_SOURCES, what: 'source executables' },
  ];
  return counts
    .filter(({ count, most }) => count > most)
    .map(({ count, most, what }) => ({
      code: 'table-too-large',
      severity: 'error',
      place: {},
      message: `the rules for one container need ${count} ${what}, and the kernel holds at most ${most}`,
      hint: 'name directories instead of single files',
    }));
}

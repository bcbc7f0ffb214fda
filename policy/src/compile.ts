/** From the policies of one container to its table: what the kernel needs to decide, and for each verdict the rule it comes from. */
import { argumentTable } from './argument-rules.ts';
import { capabilityNumber } from './capability.ts';
import { compilePatterns } from './compile-patterns.ts';
import type { CompiledPatterns } from './compile-patterns.ts';
import { compileSwitches } from './compile-switches.ts';
import { compileSyscallPaths, NO_SYSCALL_PATHS } from './compile-syscall-paths.ts';
import { compileSyscalls } from './compile-syscalls.ts';
import { edgesOf } from './edges.ts';
import { endpointNodes } from './endpoints.ts';
import type { EndpointGiver } from './endpoints.ts';
import { ENDPOINT_PROTOCOL, VERDICT } from './abi.ts';
import { directoryOf, globOf } from './glob.ts';
import { NETWORK_NAMES } from './model.ts';
import type {
  CapabilityRule,
  DnsRule,
  EndpointRule,
  ListedSection,
  NetworkName,
  NetworkRule,
  PathMatch,
  Policy,
  Postures,
  Rule,
  Section,
} from './model.ts';
import type { Problem } from './problem.ts';
import { DNS_CELL, flatSiteKey, terminalSiteKey } from './site.ts';
import { classifySources, sourceKey } from './sources.ts';
import type { SourceClasses } from './sources.ts';
import { tooLarge } from './table-size.ts';
import type { ClassDefault, Table } from './table.ts';
import {
  branchAt,
  branchesAbove,
  branchesTo,
  cellsOf,
  childOf,
  moveCellsOf,
  newBranch,
  numberBranches,
  put,
  refusalOf,
  sitesOf,
} from './trie.ts';
import type { Branch, Cell, Giver, PathRule, WordSite } from './trie.ts';

const ACTION_VERDICT = { Allow: 'allow', Audit: 'audit', Block: 'block' } as const;

interface FlatBuild {
  network: Record<'allow' | 'audit' | 'block', number>;
  capability: Record<'allow' | 'audit' | 'block', bigint>;
  reachable: number;
}

interface Build {
  /** Whether it is for tasks with a terminal. */
  readonly terminal: boolean;
  readonly root: Branch;
  /** Names of executables. */
  readonly names: Branch;
  /** Domain names, top-level domain first. */
  readonly domains: Branch;
  /** Source classes by what rules name. */
  readonly classesOf: ReadonlyMap<string, readonly number[]>;
  /** Flat rules by source class, 0 for any source. */
  readonly flat: Map<number, FlatBuild>;
  readonly flatSites: Map<string, Giver>;
  readonly endpoints: EndpointGiver[];
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
    domains: newBranch(),
    classesOf: sources.classesOf,
    flat: new Map([[0, newFlat()]]),
    flatSites: new Map(),
    endpoints: [],
  };
  for (const giver of rules) addRule(build, giver);
  const sites = new Map([...patterns.sites, ...build.flatSites]);
  const paths = numberBranches(build.root, { first: 1, sites });
  const { root, nodes } = paths;
  const names = numberBranches(build.names, { first: nodes.length + 2, sites, names: true });
  const firstDomain = nodes.length + 2 + (names.nodes.length === 0 ? 0 : names.nodes.length + 1);
  const domains = numberBranches(build.domains, { first: firstDomain, sites });
  const firstList = firstDomain + (domains.nodes.length === 0 ? 0 : domains.nodes.length + 1);
  const argued = argumentTable([...paths.argued, ...names.argued], { first: firstList, sites });
  const endpoints = endpointNodes(build.endpoints, (rule) => classesOf(build, rule));
  const defaults = defaultsOf(rules, postures);
  const { switches, sites: switchSites } = compileSwitches(policies, postures);
  const { syscalls, sites: syscallSites } = compileSyscalls(rules, (rule) => classesOf(build, rule));
  // A terminal makes no difference to calls: they are in the first table alone.
  const { syscallPaths, sites: callSites } = terminal
    ? { syscallPaths: NO_SYSCALL_PATHS, sites: new Map<string, Giver>() }
    : compileSyscallPaths(rules, { first: firstList + argued.lists.length, classesOf: (rule) => classesOf(build, rule) });
  for (const more of [endpoints.sites, switchSites, syscallSites, callSites]) for (const [key, giver] of more) sites.set(key, giver);
  return {
    root,
    nodes,
    names: { root: names.nodes.length === 0 ? 0 : nodes.length + 2, nodes: names.nodes },
    arguments: argued,
    ...(patterns.table === undefined ? {} : { patterns: patterns.table }),
    sources: sources.trie,
    flat: build.flat.get(0) ?? newFlat(),
    sourceFlat: new Map([...build.flat].filter(([source]) => source !== 0).sort(([a], [b]) => a - b)),
    endpoints: endpoints.nodes,
    dns: { root: domains.nodes.length === 0 ? 0 : firstDomain, nodes: domains.nodes, unreadable: unreadableOf(rules, defaults.dns) },
    defaults,
    switches,
    syscalls,
    syscallPaths,
    policies,
    sites,
  };
}

function newFlat(): FlatBuild {
  return { network: { allow: 0, audit: 0, block: 0 }, capability: { allow: 0n, audit: 0n, block: 0n }, reachable: 0 };
}

/** The source classes that a rule is about; 0 is any. */
function classesOf(build: Build, rule: Rule): readonly number[] {
  return [...new Set(rule.from.length === 0 ? [0] : rule.from.flatMap((source) => build.classesOf.get(sourceKey(source)) ?? []))];
}

function addRule(build: Build, giver: Giver): void {
  const { rule, policy } = giver;
  if ('switch' in rule || rule.section === 'syscalls') return;
  if ('endpoint' in rule) build.endpoints.push({ policy, rule });
  for (const source of classesOf(build, rule)) {
    if ('endpoint' in rule) addReachable(build, { rule, source });
    else if (rule.section === 'network' || rule.section === 'capabilities') addFlat(build, { giver, rule, source });
    else if (rule.section === 'dns') addName(build, { giver, rule, source });
    else addPath(build, { giver, rule, source });
  }
}

/** A domain is a directory with everything below it, written from the top-level domain down. */
function addName(build: Build, { giver, rule, source }: { giver: Giver; rule: DnsRule; source: number }): void {
  const match = { type: 'directory', dir: `/${rule.domain.split('.').reverse().join('/')}/`, recursive: true } as const;
  const cells = [{ ...DNS_CELL, verdict: VERDICT[ACTION_VERDICT[rule.action]] }];
  putAll(branchAt(build.domains, match), { cells, sites: sitesOf(match), giver, source });
}

/** What happens to a query that can't be read: the strictest thing that could be said about it. */
function unreadableOf(rules: readonly Giver[], posture: ClassDefault): ClassDefault {
  const actions = new Set(rules.filter(({ rule }) => rule.section === 'dns').map(({ rule }) => rule.action));
  if (actions.has('Block') || posture === 'block') return 'block';
  return actions.has('Audit') || posture === 'audit' ? 'audit' : 'none';
}

function addPath(build: Build, at: { giver: Giver; rule: PathRule; source: number }): void {
  const { giver, rule, source } = at;
  const { match } = rule;
  const cells = cellsOf(rule, build.terminal);
  const branch = branchOf(build, match);
  if (branch !== undefined) {
    putAll(branch, { cells, sites: match.type === 'name' || match.type === 'pattern' ? ['exact'] : sitesOf(match), giver, source });
    if (!(rule.noTerminal && build.terminal)) argue(branch, { giver, rule, source });
  }
  // Whoever moves a directory moves what is below it, whatever program may touch that.
  for (const above of directoriesOf(build.root, match)) putAll(above, { cells: moveCellsOf(rule), sites: ['exact'], giver, source: 0 });
}

/** Where a rule is in the tries; patterns are in neither. */
function branchOf(build: Build, match: PathMatch): Branch | undefined {
  if (match.type === 'name') return childOf(build.names, match.name);
  return match.type === 'pattern' ? undefined : branchAt(build.root, match);
}

function argue(branch: Branch, { giver, rule, source }: { giver: Giver; rule: PathRule; source: number }): void {
  if (rule.section !== 'process' || rule.allowedArgs === undefined) return;
  branch.argued.push({ source, allowed: rule.allowedArgs, refusal: refusalOf(rule), ownerOnly: rule.ownerOnly, giver });
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

function flatAt(build: Build, source: number): FlatBuild {
  const flat = build.flat.get(source) ?? newFlat();
  build.flat.set(source, flat);
  return flat;
}

/** A socket has no address when it is created: it may be, when a rule lets it through to one. */
function addReachable(build: Build, { rule, source }: { rule: EndpointRule; source: number }): void {
  if (rule.action !== 'Block') flatAt(build, source).reachable |= ENDPOINT_PROTOCOL[rule.endpoint.protocol];
}

function addFlat(build: Build, at: { giver: Giver; rule: NetworkRule | CapabilityRule; source: number }): void {
  const { giver, rule, source } = at;
  const refused = rule.asWritten === undefined ? 'Block' : 'Audit';
  const verdict =
    ACTION_VERDICT[rule.noTerminal && !build.terminal ? 'Allow' : rule.noTerminal && rule.action === 'Allow' ? refused : rule.action];
  const flat = flatAt(build, source);
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
  const of = (section: ListedSection, posture: ClassDefault): ClassDefault => (allowListed.has(section) ? posture : 'none');
  return {
    process: of('process', postures.file),
    file: of('file', postures.file),
    network: of('network', postures.network),
    capabilities: of('capabilities', postures.capabilities),
    dns: of('dns', postures.network),
  };
}

/** From the policies of one container to its table: what the kernel needs to decide, and for each verdict the rule it comes from. */
import { capabilityNumber } from './capability.ts';
import { edgesOf } from './edges.ts';
import { endpointNodes } from './endpoints.ts';
import type { EndpointGiver } from './endpoints.ts';
import { ENDPOINT_PROTOCOL, MAX_ENDPOINT_ENTRIES, VERDICT } from './abi.ts';
import { NETWORK_NAMES } from './model.ts';
import type {
  CapabilityRule,
  DnsRule,
  EndpointRule,
  NetworkName,
  NetworkRule,
  PathMatch,
  Policy,
  Postures,
  Rule,
  Section,
} from './model.ts';
import type { Problem } from './problem.ts';
import { DNS_CELL, flatSiteKey } from './site.ts';
import type { ClassDefault, Table } from './table.ts';
import { branchAt, branchesAbove, cellsOf, moveCellsOf, newBranch, numberBranches, put, sitesOf } from './trie.ts';
import type { Branch, Giver } from './trie.ts';

/** Most trie nodes, and most words of their own for sources, that one table may have. */
export const MAX_TABLE_NODES = 200_000;
/** Source classes travel in 16 bits, and 0 means any source. */
export const MAX_TABLE_SOURCES = 65_535;
/** Most blocks of addresses that one table may have. */
export const MAX_TABLE_ENDPOINTS = 20_000;

const ACTION_VERDICT = { Allow: 'allow', Audit: 'audit', Block: 'block' } as const;

interface FlatBuild {
  network: Record<'allow' | 'audit' | 'block', number>;
  capability: Record<'allow' | 'audit' | 'block', bigint>;
  reachable: number;
}

interface Build {
  readonly root: Branch;
  /** Domain names, top-level domain first. */
  readonly names: Branch;
  readonly classes: ReadonlyMap<string, number>;
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
  const sources = sourcesOf(rules);
  const build: Build = {
    root: newBranch(),
    names: newBranch(),
    classes: new Map(sources.map((source, index) => [source, index + 1])),
    flat: new Map([[0, newFlat()]]),
    flatSites: new Map(),
    endpoints: [],
  };
  for (const giver of rules) addRule(build, giver);

  const { root, nodes, sites } = numberBranches(build.root);
  const names = numberBranches(build.names, nodes.length + 2);
  const endpoints = endpointNodes(build.endpoints, (rule) => classesOf(build, rule));
  const defaults = defaultsOf(rules, postures);
  const table: Table = {
    root,
    nodes,
    sources,
    flat: build.flat.get(0) ?? newFlat(),
    sourceFlat: new Map([...build.flat].filter(([source]) => source !== 0).sort(([a], [b]) => a - b)),
    endpoints: endpoints.nodes,
    dns: { root: names.nodes.length === 0 ? 0 : nodes.length + 2, nodes: names.nodes, unreadable: unreadableOf(rules, defaults.dns) },
    defaults,
    policies,
    sites: new Map([...sites, ...names.sites, ...build.flatSites, ...endpoints.sites]),
  };
  const problems = tooLarge(table);
  return problems.length === 0 ? { table, problems } : { problems };
}

function sourcesOf(rules: readonly Giver[]): readonly string[] {
  return [...new Set(rules.flatMap(({ rule }) => rule.from))].sort();
}

function newFlat(): FlatBuild {
  return { network: { allow: 0, audit: 0, block: 0 }, capability: { allow: 0n, audit: 0n, block: 0n }, reachable: 0 };
}

/** The source classes that a rule is about; 0 is any. */
function classesOf(build: Build, rule: Rule): readonly number[] {
  return [...new Set(rule.from.length === 0 ? [0] : rule.from.map((path) => build.classes.get(path) ?? 0))];
}

function addRule(build: Build, giver: Giver): void {
  const { rule, policy } = giver;
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
  const match: PathMatch = { type: 'directory', dir: `/${rule.domain.split('.').reverse().join('/')}/`, recursive: true };
  const branch = branchAt(build.names, match);
  const verdict = VERDICT[ACTION_VERDICT[rule.action]];
  for (const site of sitesOf(match)) put(branch, { ...DNS_CELL, verdict, site, giver, source });
}

/** What happens to a query that can't be read: the strictest thing that could be said about it. */
function unreadableOf(rules: readonly Giver[], posture: ClassDefault): ClassDefault {
  const actions = new Set(rules.filter(({ rule }) => rule.section === 'dns').map(({ rule }) => rule.action));
  if (actions.has('Block') || posture === 'block') return 'block';
  return actions.has('Audit') || posture === 'audit' ? 'audit' : 'none';
}

function addPath(build: Build, at: { giver: Giver; rule: Extract<Rule, { match: unknown }>; source: number }): void {
  const branch = branchAt(build.root, at.rule.match);
  for (const site of sitesOf(at.rule.match)) {
    for (const cell of cellsOf(at.rule)) put(branch, { ...cell, site, giver: at.giver, source: at.source });
  }
  // Whoever moves a directory moves what is below it, whatever program may touch that.
  for (const above of branchesAbove(build.root, at.rule.match)) {
    for (const cell of moveCellsOf(at.rule)) put(above, { ...cell, site: 'exact', giver: at.giver, source: 0 });
  }
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
  const verdict = ACTION_VERDICT[rule.action];
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
  const of = (section: Section, posture: ClassDefault): ClassDefault => (allowListed.has(section) ? posture : 'none');
  return {
    process: of('process', postures.file),
    file: of('file', postures.file),
    network: of('network', postures.network),
    capabilities: of('capabilities', postures.capabilities),
    dns: of('dns', postures.network),
  };
}

/** Every way in which a table can be too large for the kernel's maps, with the number that is. */
function tooLarge(table: Table): Problem[] {
  const words = table.root.sources.size + [...table.nodes, ...table.dns.nodes].reduce((sum, node) => sum + node.sources.size, 0);
  const counts = [
    { count: edgesOf(table).edges.length, most: MAX_TABLE_NODES, what: 'components of paths and names' },
    { count: words, most: MAX_TABLE_NODES, what: 'combinations of a path and a source' },
    { count: table.endpoints.length, most: MAX_TABLE_ENDPOINTS, what: 'blocks of addresses' },
    {
      count: table.endpoints.reduce((most, { entries }) => Math.max(most, entries.length), 0),
      most: MAX_ENDPOINT_ENTRIES,
      what: 'ranges of ports for one block of addresses',
    },
    { count: table.sources.length, most: MAX_TABLE_SOURCES, what: 'source executables' },
  ];
  return counts
    .filter(({ count, most }) => count > most)
    .map(({ count, most, what }) => ({
      code: 'table-too-large',
      severity: 'error',
      place: {},
      message: `the rules for one container need ${count} ${what}, and the kernel holds at most ${most}`,
      hint: what.includes('addresses') ? 'name wider blocks or wider ranges of ports' : 'name directories instead of single files',
    }));
}

/**
 * Symbolic links: rules name paths as people write them, and the kernel judges where these lead. So each rule is given once more for every
 * path that its own leads to in the container's root; the rule as written stays, and is what alerts name.
 */
import { directoryOf, globOf, inDirectory, parseGlob } from './glob.ts';
import type { PathMatch, Policy, Rule, SourceMatch } from './model.ts';
import { faultOfDirectory, faultOfFile } from './path.ts';
import { sourceKey } from './sources.ts';

/** From a path, without a `/` at its end, to the other paths that it leads to. */
export type Links = ReadonlyMap<string, readonly string[]>;

/** What is known of the links in one root. */
export interface RootLinks {
  /** When its container was first seen: before anybody in it could have changed one. */
  readonly first: Links;
  /** As they were when they were last looked at. */
  readonly now: Links;
}

export const NO_LINKS: RootLinks = { first: new Map(), now: new Map() };

/** The paths of these policies that can lead elsewhere, each once. */
export function linkablePaths(policies: readonly Policy[]): readonly string[] {
  const paths = new Set<string>();
  for (const { rules } of policies) {
    for (const rule of rules) {
      for (const source of rule.from) paths.add(bare(placeOf(source)));
      const path = pathOf(rule);
      if (path !== undefined) paths.add(bare(path));
    }
  }
  paths.delete('');
  return [...paths];
}

/** The paths of files that rules name whole and refuse something about, each once: these files may have other names. */
export function wholePaths(policies: readonly Policy[]): readonly string[] {
  const paths = policies.flatMap(({ rules }) => rules.flatMap((rule) => ('match' in rule && refuses(rule) ? (wholePath(rule) ?? []) : [])));
  return [...new Set(paths)];
}

type PathRule = Extract<Rule, { match: unknown }>;

function wholePath({ match }: PathRule): string | undefined {
  return match.type === 'path' ? match.path : undefined;
}

function refuses(rule: PathRule): boolean {
  const only = rule.section === 'file' ? rule.readOnly : rule.allowedArgs !== undefined;
  return rule.action !== 'Allow' || rule.ownerOnly || rule.noTerminal === true || only;
}

/**
 * The same policies with the paths that their own lead to. What an Allow rule allows is what its links led to at first, since whoever can
 * change a link later must not be able to have something allowed; other rules are for what they led to then and for what they lead to now.
 */
export function withLinks(policies: readonly Policy[], links: RootLinks): readonly Policy[] {
  if (links.first.size === 0 && links.now.size === 0) return policies;
  return policies.map((policy) => {
    const rules = policy.rules.flatMap((rule) => [withSources(rule, links), ...targetsOf(rule, links)]);
    return rules.length === policy.rules.length && rules.every((rule, at) => rule === policy.rules[at]) ? policy : { ...policy, rules };
  });
}

function targetsOf(rule: Rule, links: RootLinks): readonly Rule[] {
  const path = pathOf(rule);
  const written = matchOf(rule);
  if (path === undefined || written === undefined) return [];
  const sourced = withSources(rule, links);
  return leadsTo(bare(path), rule, links).flatMap((target): readonly Rule[] => {
    const match = retargeted(written, target);
    return match === undefined ? [] : [{ ...sourced, ['match' in rule ? 'match' : 'on']: match }];
  });
}

/** A match on another path; none where the kernel could never meet that path. */
function retargeted(match: PathMatch, target: string): object | undefined {
  if (match.type === 'directory') {
    const dir = target === '/' ? '/' : `${target}/`;
    return faultOfDirectory(dir) === undefined ? { ...match, dir } : undefined;
  }
  if (match.type === 'pattern') {
    const pattern = inDirectory(match.pattern, target);
    return 'fault' in parseGlob(pattern) ? undefined : { ...match, pattern };
  }
  return match.type === 'path' && faultOfFile(target) === undefined ? { ...match, path: target } : undefined;
}

function withSources(rule: Rule, links: RootLinks): Rule {
  const more = rule.from.flatMap((source) =>
    leadsTo(bare(placeOf(source)), rule, links)
      .map((target): SourceMatch => (typeof source === 'string' ? target : { ...source, dir: target === '/' ? '/' : `${target}/` }))
      .filter((target) => (typeof target === 'string' ? faultOfFile(target) : faultOfDirectory(target.dir)) === undefined),
  );
  if (more.length === 0) return rule;
  return { ...rule, from: [...new Map([...rule.from, ...more].map((source) => [sourceKey(source), source])).values()] };
}

function placeOf(source: SourceMatch): string {
  return typeof source === 'string' ? source : source.dir;
}

function leadsTo(path: string, { action }: Rule, { first, now }: RootLinks): readonly string[] {
  const then = first.get(path) ?? [];
  return action === 'Allow' ? then : [...new Set([...then, ...(now.get(path) ?? [])])];
}

function pathOf(rule: Rule): string | undefined {
  const match = matchOf(rule);
  if (match?.type === 'pattern') return directoryOf(globOf(match.pattern));
  return match?.type === 'path' ? match.path : match?.type === 'directory' ? match.dir : undefined;
}

/** What a rule is about, where that is a place. */
function matchOf(rule: Rule): PathMatch | undefined {
  return 'match' in rule ? rule.match : rule.section === 'syscalls' ? rule.on : undefined;
}

/** Without the `/` at its end; empty for the root itself. */
function bare(path: string): string {
  return path.endsWith('/') ? path.slice(0, -1) : path;
}

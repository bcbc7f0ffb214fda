/**
 * The reference evaluator: docs/semantics.md as a function. Slow and plain on purpose, since the compiled tables and the kernel are
 * held to it; it shares nothing with the compiler but the names that a socket has and how patterns are written.
 */
import type { Access, Decision } from './access.ts';
import { CAPABILITIES } from './capability.ts';
import { formsOf, labelsOf } from './domain.ts';
import { depthOfDomain, isAboutName } from './evaluate-dns.ts';
import { depthOfEndpoint, endpointRelation } from './evaluate-endpoint.ts';
import { directoryOf, globOf, hangsAt } from './glob.ts';
import { matchesGlob } from './glob-match.ts';
import type { ListedSection, PathMatch, Policy, Posture, Postures, Rule, SourceMatch, SwitchRule, SyscallRule } from './model.ts';
import { evaluateSwitch } from './evaluate-switch.ts';
import { evaluateSyscall } from './evaluate-syscall.ts';
import { networkNames } from './network.ts';

type Verdict = 'allow' | 'audit' | 'block';

interface Candidate {
  readonly policy: Policy;
  readonly rule: Rule;
  readonly verdict: Verdict;
}

const STRENGTH: Readonly<Record<Verdict, number>> = { allow: 1, audit: 2, block: 3 };

/**
 * What the policies of one container (those that match it) decide for one access. Of rules that say the same with the same right,
 * the first is named, in the order of `policies` and of their rules, those for a name before those for a pattern.
 */
export function evaluate(input: { policies: readonly Policy[]; postures: Postures; access: Access }): Decision {
  const { access } = input;
  if (access.type === 'path' && access.operation === 'move') return evaluateMove(input.policies, access.path);
  if (access.type === 'syscall') return evaluateSyscall(input.policies, access, isSource);
  if (access.type === 'switch') return evaluateSwitch({ ...input, which: access.switch });
  const section = sectionOf(access);
  const rules = input.policies.flatMap((policy) => policy.rules.filter((rule) => isOf(rule, section)).map((rule) => ({ policy, rule })));
  const matching = matchingOf(rules, access);
  const allowList = rules.some(({ rule }) => rule.action === 'Allow');
  if (matching.length === 0) return allowList ? { verdict: postureOf(section, input.postures), posture: true } : { verdict: 'none' };

  const rank = largest(matching.map(({ rule }) => rankOf(rule, access)));
  const deepest = matching.filter(({ rule }) => rankOf(rule, access) === rank);
  const sourced = deepest.filter(({ rule }) => rule.from.length > 0);
  const candidates = (sourced.length > 0 ? sourced : deepest).map(({ policy, rule }) => ({
    policy,
    rule,
    verdict: says(rule, access),
  }));
  return strongest(candidates);
}

/** Moving a directory is refused by whatever refuses something below it, to anybody; no posture speaks of it. */
function evaluateMove(policies: readonly Policy[], path: string): Decision {
  const candidates = policies.flatMap((policy) =>
    policy.rules.flatMap((rule): Candidate[] => {
      if (!('match' in rule)) return [];
      if (path === '/' || !placeOf(rule.match).startsWith(`${path}/`)) return [];
      const refuses = rule.action !== 'Allow' || rule.ownerOnly || rule.noTerminal || (rule.section === 'file' && rule.readOnly);
      return refuses ? [{ policy, rule, verdict: rule.action === 'Audit' ? 'audit' : 'block' }] : [];
    }),
  );
  return strongest(candidates);
}

/** A rule's path without the `/` at the end of a directory's; for a pattern a place in the directory that it hangs from. */
function placeOf(match: PathMatch): string {
  if (match.type === 'path') return match.path;
  if (match.type === 'pattern') return `${directoryOf(globOf(match.pattern))}/`;
  return match.type === 'directory' ? match.dir.slice(0, -1) : '';
}

/** The rules that are about an access; of a queried name's forms, about the first that any rule is about. */
function matchingOf<Held extends { readonly rule: ListedRule }>(rules: readonly Held[], access: ListedAccess): readonly Held[] {
  if (access.type !== 'dns') return rules.filter(({ rule }) => isAbout(rule, access));
  for (const form of formsOf(access.name)) {
    const found = rules.filter(({ rule }) => isAbout(rule, { ...access, name: form.join('.') }));
    if (found.length > 0) return found;
  }
  return [];
}

/** Accesses that listed rules judge, and those rules. */
type ListedAccess = Exclude<Access, { type: 'switch' | 'syscall' }>;
type ListedRule = Exclude<Rule, SwitchRule | SyscallRule>;

function isOf(rule: Rule, section: ListedSection): rule is ListedRule {
  return rule.section === section;
}

function sectionOf(access: ListedAccess): ListedSection {
  if (access.type === 'dns') return 'dns';
  if (access.type === 'network') return 'network';
  if (access.type === 'capability') return 'capabilities';
  return access.operation === 'exec' ? 'process' : 'file';
}

function postureOf(section: ListedSection, postures: Postures): Posture {
  if (section === 'process') return postures.file;
  return section === 'dns' ? postures.network : postures[section];
}

/** Whether a rule of the access's section matches it, source included. */
function isAbout(rule: ListedRule, access: ListedAccess): boolean {
  if (rule.from.length > 0 && !rule.from.some((source) => isSource(source, access.source))) return false;
  if (rule.section === 'network') {
    if (access.type !== 'network') return false;
    if ('endpoint' in rule) return endpointRelation(rule, access) !== 'no';
    return networkNames(access.family, access.socketType, access.protocol).has(rule.protocol);
  }
  if (rule.section === 'capabilities') return access.type === 'capability' && CAPABILITIES[access.capability] === rule.capability;
  if (rule.section === 'dns') return access.type === 'dns' && isAboutName(rule, labelsOf(access.name));
  return access.type === 'path' && covers(rule.match, access.path);
}

function isSource(source: SourceMatch, program: string): boolean {
  if (typeof source === 'string') return source === program;
  return program !== source.dir.slice(0, -1) && covers({ type: 'directory', ...source }, program);
}

function covers(match: PathMatch, path: string): boolean {
  if (match.type === 'path') return path === match.path;
  if (match.type === 'name') return path !== '/' && path.slice(path.lastIndexOf('/') + 1) === match.name;
  if (match.type === 'pattern') return matchesGlob(globOf(match.pattern), path);
  if (`${path}/` === match.dir || path === match.dir) return true;
  if (!path.startsWith(match.dir)) return false;
  return match.recursive || !path.slice(match.dir.length).includes('/');
}

/**
 * How near to the access a matching rule is. A path or directory counts two for each of its components; a pattern one more than the
 * directory that it hangs from; a name one less than the whole path of the file. Addresses and domains have depths of their own; rules
 * with neither are all alike.
 */
function rankOf(rule: ListedRule, access: ListedAccess): number {
  if ('endpoint' in rule) return access.type === 'network' ? depthOfEndpoint(rule, access) : 0;
  if (rule.section === 'dns') return depthOfDomain(rule);
  if (access.type !== 'path' || rule.section === 'network' || rule.section === 'capabilities') return 0;
  const { match } = rule;
  if (match.type === 'path') return 2 * depthOf(match.path);
  if (match.type === 'directory') return 2 * depthOf(match.dir);
  return match.type === 'pattern' ? 2 * hangsAt(globOf(match.pattern)) + 1 : 2 * depthOf(access.path) - 1;
}

function depthOf(path: string): number {
  return path.split('/').filter((component) => component !== '').length;
}

/** What a matching rule says about the access. */
function says(rule: ListedRule, access: ListedAccess): Verdict {
  if (access.type === 'network' && 'endpoint' in rule && endpointRelation(rule, access) === 'opens') return 'allow';
  if (rule.noTerminal && 'terminal' in access && access.terminal) return refusalOf(rule);
  const said = access.type === 'path' && 'match' in rule ? saysOfPath(rule, access) : undefined;
  return said ?? (rule.noTerminal || rule.action === 'Allow' ? 'allow' : refusalOf(rule));
}

/** What a rule says of the file's owner and of the operation; undefined where it does not tell them apart. */
function saysOfPath(rule: Extract<Rule, { match: PathMatch }>, access: Extract<Access, { type: 'path' }>): Verdict | undefined {
  if (rule.ownerOnly && !access.owner) return refusalOf(rule);
  if (rule.section === 'file' && rule.readOnly) return access.operation === 'write' ? refusalOf(rule) : 'allow';
  return rule.ownerOnly ? 'allow' : undefined;
}

function refusalOf(rule: Rule): Verdict {
  return rule.action === 'Audit' ? 'audit' : 'block';
}

function strongest(candidates: readonly Candidate[]): Decision {
  const most = largest(candidates.map(({ verdict }) => STRENGTH[verdict]));
  const strong = candidates.filter(({ verdict }) => STRENGTH[verdict] === most);
  return strong.find(({ rule }) => 'match' in rule && rule.match.type === 'name') ?? strong[0] ?? { verdict: 'none' };
}

function largest(numbers: readonly number[]): number {
  return numbers.reduce((most, number) => Math.max(most, number), 0);
}

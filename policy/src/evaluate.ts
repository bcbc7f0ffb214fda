/**
 * The reference evaluator: docs/semantics.md as a function. Slow and plain on purpose, since the compiled tables and the kernel are
 * held to it; it shares nothing with the compiler but the names that a socket has.
 */
import type { Access, Decision } from './access.ts';
import { CAPABILITIES } from './capability.ts';
import { formsOf, labelsOf } from './domain.ts';
import { depthOfDomain, isAboutName } from './evaluate-dns.ts';
import { depthOfEndpoint, endpointRelation } from './evaluate-endpoint.ts';
import type { PathMatch, Policy, Posture, Postures, Rule, Section } from './model.ts';
import { networkNames } from './network.ts';

type Verdict = 'allow' | 'audit' | 'block';
type PathAccess = Extract<Access, { type: 'path' }>;

interface Candidate {
  readonly policy: Policy;
  readonly rule: Rule;
  readonly verdict: Verdict;
}

const STRENGTH: Readonly<Record<Verdict, number>> = { allow: 1, audit: 2, block: 3 };

/**
 * What the policies of one container (those that match it) decide for one access. Of rules that say the same with the same right,
 * the first is named, in the order of `policies` and of their rules.
 */
export function evaluate(input: { policies: readonly Policy[]; postures: Postures; access: Access }): Decision {
  if (input.access.type === 'path' && input.access.operation === 'move') return evaluateMove(input.policies, input.access.path);
  const section = sectionOf(input.access);
  const rules = input.policies.flatMap((policy) =>
    policy.rules.filter((rule) => rule.section === section).map((rule) => ({ policy, rule })),
  );
  const matching = matchingOf(rules, input.access);
  const allowList = rules.some(({ rule }) => rule.action === 'Allow');
  if (matching.length === 0) return allowList ? { verdict: postureOf(section, input.postures), posture: true } : { verdict: 'none' };

  const depth = largest(matching.map(({ rule }) => depthOf(rule, input.access)));
  const deepest = matching.filter(({ rule }) => depthOf(rule, input.access) === depth);
  const sourced = deepest.filter(({ rule }) => rule.from.length > 0);
  const candidates = (sourced.length > 0 ? sourced : deepest).map(({ policy, rule }) => ({
    policy,
    rule,
    verdict: says(rule, input.access),
  }));
  return strongest(candidates);
}

/** Moving a directory is refused by whatever refuses something below it, to anybody; no posture speaks of it. */
function evaluateMove(policies: readonly Policy[], path: string): Decision {
  const candidates = policies.flatMap((policy) =>
    policy.rules.flatMap((rule): Candidate[] => {
      if (!('match' in rule)) return [];
      if (path === '/' || !pathOf(rule.match).startsWith(`${path}/`)) return [];
      const refuses = rule.action !== 'Allow' || rule.ownerOnly || (rule.section === 'file' && rule.readOnly);
      return refuses ? [{ policy, rule, verdict: rule.action === 'Audit' ? 'audit' : 'block' }] : [];
    }),
  );
  return strongest(candidates);
}

/** A rule's path without the `/` at the end of a directory's. */
function pathOf(match: PathMatch): string {
  return match.type === 'path' ? match.path : match.dir.slice(0, -1);
}

/** The rules that are about an access; of a queried name's forms, about the first that any rule is about. */
function matchingOf<Held extends { readonly rule: Rule }>(rules: readonly Held[], access: Access): readonly Held[] {
  if (access.type !== 'dns') return rules.filter(({ rule }) => isAbout(rule, access));
  for (const form of formsOf(access.name)) {
    const found = rules.filter(({ rule }) => isAbout(rule, { ...access, name: form.join('.') }));
    if (found.length > 0) return found;
  }
  return [];
}

function sectionOf(access: Access): Section {
  if (access.type === 'dns') return 'dns';
  if (access.type === 'network') return 'network';
  if (access.type === 'capability') return 'capabilities';
  return access.operation === 'exec' ? 'process' : 'file';
}

function postureOf(section: Section, postures: Postures): Posture {
  if (section === 'process') return postures.file;
  return section === 'dns' ? postures.network : postures[section];
}

/** Whether a rule of the access's section matches it, source included. */
function isAbout(rule: Rule, access: Access): boolean {
  if (rule.from.length > 0 && !rule.from.includes(access.source)) return false;
  if (rule.section === 'network') {
    if (access.type !== 'network') return false;
    if ('endpoint' in rule) return endpointRelation(rule, access) !== 'no';
    return networkNames(access.family, access.socketType, access.protocol).has(rule.protocol);
  }
  if (rule.section === 'capabilities') return access.type === 'capability' && CAPABILITIES[access.capability] === rule.capability;
  if (rule.section === 'dns') return access.type === 'dns' && isAboutName(rule, labelsOf(access.name));
  return access.type === 'path' && covers(rule.match, access.path);
}

function covers(match: PathMatch, path: string): boolean {
  if (match.type === 'path') return path === match.path;
  if (`${path}/` === match.dir || path === match.dir) return true;
  if (!path.startsWith(match.dir)) return false;
  return match.recursive || !path.slice(match.dir.length).includes('/');
}

/** How many components the rule's own path has; rules with neither a path nor an address all have the same depth. */
function depthOf(rule: Rule, access: Access): number {
  if ('endpoint' in rule) return access.type === 'network' ? depthOfEndpoint(rule, access) : 0;
  if (rule.section === 'network' || rule.section === 'capabilities') return 0;
  if (rule.section === 'dns') return depthOfDomain(rule);
  const path = rule.match.type === 'path' ? rule.match.path : rule.match.dir;
  return path.split('/').filter((component) => component !== '').length;
}

/** What a matching rule says about the access. */
function says(rule: Rule, access: Access): Verdict {
  if (access.type === 'network' && 'endpoint' in rule && endpointRelation(rule, access) === 'opens') return 'allow';
  return access.type === 'path' && 'match' in rule ? saysOfPath(rule, access) : plain(rule);
}

function saysOfPath(rule: Extract<Rule, { match: PathMatch }>, access: PathAccess): Verdict {
  const refusal = rule.action === 'Audit' ? 'audit' : 'block';
  if (rule.ownerOnly && !access.owner) return refusal;
  if (rule.section === 'file' && rule.readOnly) return access.operation === 'write' ? refusal : 'allow';
  return rule.ownerOnly ? 'allow' : plain(rule);
}

function plain(rule: Rule): Verdict {
  return rule.action === 'Allow' ? 'allow' : rule.action === 'Audit' ? 'audit' : 'block';
}

function strongest(candidates: readonly Candidate[]): Decision {
  const most = largest(candidates.map(({ verdict }) => STRENGTH[verdict]));
  return candidates.find(({ verdict }) => STRENGTH[verdict] === most) ?? { verdict: 'none' };
}

function largest(numbers: readonly number[]): number {
  return numbers.reduce((most, number) => Math.max(most, number), 0);
}

/**
 * The reference evaluator: docs/semantics.md as a function. Slow and plain on purpose, since the compiled tables and the kernel are
 * held to it; it shares nothing with the compiler but the names that a socket has and how patterns are written.
 */
import { MAX_PROGRAM_NAMES } from './abi.ts';
import type { Access, Decision } from './access.ts';
import { permitsArguments } from './arguments.ts';
import { CAPABILITIES } from './capability.ts';
import { formsOf, labelsOf } from './domain.ts';
import { depthOfDomain, isAboutName } from './evaluate-dns.ts';
import { depthOfEndpoint, endpointRelation } from './evaluate-endpoint.ts';
import { directoryOf, globOf, hangsAt } from './glob.ts';
import { matchesGlob } from './glob-match.ts';
import { postureOf } from './model.ts';
import type { ListedSection, PathMatch, Policy, Postures, Rule, SourceMatch, SwitchRule, SyscallRule } from './model.ts';
import { evaluateSwitch } from './evaluate-switch.ts';
import { evaluateSyscall } from './evaluate-syscall.ts';
import { wholePaths } from './links.ts';
import { allowingNames, networkNames } from './network.ts';

type Verdict = 'allow' | 'audit' | 'block';

interface Candidate {
  readonly policy: Policy;
  readonly rule: Rule;
  readonly verdict: Verdict;
  /** The rule says so because of the arguments. */
  readonly argued: boolean;
}

interface Held {
  readonly policy: Policy;
  readonly rule: ListedRule;
}

type PathAccess = Extract<Access, { type: 'path' }>;

interface FileInput {
  readonly policies: readonly Policy[];
  readonly postures: Postures;
  readonly access: PathAccess;
  /** What counts where no rule says anything. */
  readonly fallBack: Decision;
}

const NOTHING: Decision = { verdict: 'none' };

const STRENGTH: Readonly<Record<Verdict, number>> = { allow: 1, audit: 2, block: 3 };

/**
 * What the policies of one container (those that match it) decide for one access. Of rules that say the same with the same right,
 * the first is named, in the order of `policies` and of their rules; those that say so whatever the arguments first, and those for a name
 * before those for a pattern.
 */
export function evaluate(input: { policies: readonly Policy[]; postures: Postures; access: Access }): Decision {
  const { access } = input;
  if (access.type === 'syscall') return evaluateSyscall(input.policies, access, { isSource, covers });
  if (access.type === 'switch') return evaluateSwitch({ ...input, which: access.switch });
  if (access.type === 'path' && access.operation === 'move') {
    return isNowhere(access) ? nowhere({ ...input, access, fallBack: NOTHING }) : evaluateMove(input.policies, access.path);
  }
  const section = sectionOf(access);
  const rules = input.policies.flatMap((policy) => policy.rules.filter((rule) => isOf(rule, section)).map((rule) => ({ policy, rule })));
  const allowList = rules.some(({ rule }) => rule.action === 'Allow');
  const fallBack: Decision = allowList ? { verdict: postureOf(section, input.postures), posture: true } : NOTHING;
  return access.type === 'path' ? evaluateFile({ ...input, access, rules, fallBack }) : (strongest(decidersOf(rules, access)) ?? fallBack);
}

/** What is said of a file by the path that is used or, where that is stronger, of its other names; of several names with lists of arguments the first has one. */
function evaluateFile(input: FileInput & { readonly rules: readonly Held[] }): Decision {
  const { access, rules } = input;
  const used = isNowhere(access) ? [] : decidersOf(rules, access);
  const isAllowed = strongest(decidersOf(isNowhere(access) ? [] : rules, toldNothing(access)))?.verdict === 'allow';
  const isRefusedOnly = isAllowed && isNeverAllowed(access);
  const least = used.length === 0 || isRefusedOnly ? nowhere(input) : NOTHING;
  const counting = used.filter(({ verdict }) => verdict !== 'allow' || !isRefusedOnly);
  const lists = (candidate: Candidate): boolean => listsArguments(candidate, access);
  let hasList = used.some(lists);
  for (const path of otherNamesOf(input)) {
    const said = decidersOf(
      rules.filter(({ rule }) => 'match' in rule && isAt(rule.match, path)),
      { ...access, path, ...(hasList ? { arguments: [] } : {}) },
    );
    hasList ||= said.some(lists);
    counting.push(...said);
  }
  const found = strongest(counting);
  return found === undefined || strengthOf(found) <= strengthOf(least) ? least : found;
}

/** What is said where no path decides: the default of the class and, of a mount that is attached to nothing, what is said of mounts. */
function nowhere({ policies, postures, access, fallBack }: FileInput): Decision {
  const mounts = access.fileClass === 'detached' ? evaluateSwitch({ policies, postures, which: 'mounts' }) : NOTHING;
  return strengthOf(mounts) > strengthOf(fallBack) ? mounts : fallBack;
}

function isNowhere({ fileClass }: PathAccess): boolean {
  return fileClass === 'anonymous' || fileClass === 'detached';
}

/** Its path is not where it is, so that no rule allows it by that. */
function isNeverAllowed({ fileClass, operation }: PathAccess): boolean {
  return fileClass === 'foreign' || (fileClass === 'deleted' && operation === 'exec');
}

/** The file's other names that rules have, in their order. A program with many names is executed by the one that is used. */
function otherNamesOf({ policies, access }: FileInput): readonly string[] {
  const { otherNames = [], operation } = access;
  if (operation === 'exec' && otherNames.length >= MAX_PROGRAM_NAMES) return [];
  return wholePaths(policies).filter((named) => otherNames.includes(named));
}

/** Whether a rule is about just this path: by naming it whole, or a directory there. */
function isAt(match: PathMatch, path: string): boolean {
  return match.type === 'path' ? match.path === path : match.type === 'directory' && match.dir === `${path}/`;
}

/** Whether it hangs on the arguments what a rule says: not where it refuses terminals, to a task that has one. */
function listsArguments({ rule }: Candidate, { terminal }: PathAccess): boolean {
  return rule.section === 'process' && rule.allowedArgs !== undefined && !(rule.noTerminal === true && terminal === true);
}

/** What the nearest of these rules say; nothing where none is about the access. */
function decidersOf(rules: readonly Held[], access: ListedAccess): readonly Candidate[] {
  const matching = matchingOf(rules, access);
  const rank = largest(matching.map(({ rule }) => rankOf(rule, access)));
  const deepest = matching.filter(({ rule }) => rankOf(rule, access) === rank);
  const sourced = deepest.filter(({ rule }) => rule.from.length > 0);
  return (sourced.length > 0 ? sourced : deepest).map(({ policy, rule }) => ({
    policy,
    rule,
    verdict: says(rule, access),
    argued: says(rule, access) !== says(rule, toldNothing(access)),
  }));
}

function strengthOf({ verdict }: Decision): number {
  return verdict === 'none' ? 0 : STRENGTH[verdict];
}

/** Moving a directory is refused by whatever refuses something below it, to anybody; no posture speaks of it. */
function evaluateMove(policies: readonly Policy[], path: string): Decision {
  const candidates = policies.flatMap((policy) =>
    policy.rules.flatMap((rule): Candidate[] => {
      if (!('match' in rule)) return [];
      if (path === '/' || !placeOf(rule.match).startsWith(`${path}/`)) return [];
      const only = rule.section === 'file' ? rule.readOnly : rule.allowedArgs !== undefined;
      const refuses = rule.action !== 'Allow' || rule.ownerOnly || rule.noTerminal || only;
      return refuses ? [{ policy, rule, verdict: refusalOf(rule), argued: false }] : [];
    }),
  );
  return strongest(candidates) ?? NOTHING;
}

/** A rule's path without the `/` at the end of a directory's; for a pattern a place in the directory that it hangs from. */
function placeOf(match: PathMatch): string {
  if (match.type === 'path') return match.path;
  if (match.type === 'pattern') return `${directoryOf(globOf(match.pattern))}/`;
  return match.type === 'directory' ? match.dir.slice(0, -1) : '';
}

/** The rules that are about an access; of a queried name's forms, about the first that any rule is about. */
function matchingOf(rules: readonly Held[], access: ListedAccess): readonly Held[] {
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

/** Whether a rule of the access's section matches it, source included. */
function isAbout(rule: ListedRule, access: ListedAccess): boolean {
  if (rule.from.length > 0 && !rule.from.some((source) => isSource(source, access.source))) return false;
  if (rule.section === 'network') {
    if (access.type !== 'network') return false;
    if ('endpoint' in rule) return endpointRelation(rule, access) !== 'no';
    const names = says(rule, access) === 'allow' ? allowingNames : networkNames;
    return names(access.family, access.socketType, access.protocol).has(rule.protocol);
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

/** What a rule says of the file's owner, of the operation and of arguments; undefined where it does not tell them apart. */
function saysOfPath(rule: Extract<Rule, { match: PathMatch }>, access: PathAccess): Verdict | undefined {
  if (rule.ownerOnly && !access.owner) return refusalOf(rule);
  if (rule.section === 'file' && rule.readOnly) return access.operation === 'write' ? refusalOf(rule) : 'allow';
  if (rule.section === 'process' && rule.allowedArgs !== undefined) {
    return permitsArguments(rule.allowedArgs, access.arguments ?? []) ? 'allow' : refusalOf(rule);
  }
  return rule.ownerOnly ? 'allow' : undefined;
}

function refusalOf(rule: Rule): Verdict {
  return rule.action === 'Audit' || rule.asWritten !== undefined ? 'audit' : 'block';
}

function toldNothing(access: ListedAccess): ListedAccess {
  return access.type === 'path' ? { ...access, arguments: [] } : access;
}

function strongest(candidates: readonly Candidate[]): Exclude<Decision, { verdict: 'none' } | { posture: true }> | undefined {
  const most = largest(candidates.map(({ verdict }) => STRENGTH[verdict]));
  const strong = candidates.filter(({ verdict }) => STRENGTH[verdict] === most);
  const sure = strong.filter(({ argued }) => !argued);
  const named = sure.length > 0 ? sure : strong;
  const first = named.find(({ rule }) => 'match' in rule && rule.match.type === 'name') ?? named[0];
  return first === undefined ? undefined : { policy: first.policy, rule: first.rule, verdict: first.verdict };
}

function largest(numbers: readonly number[]): number {
  return numbers.reduce((most, number) => Math.max(most, number), 0);
}

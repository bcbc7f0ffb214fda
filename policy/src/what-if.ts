/**
 * What-if: which accesses of recorded telemetry another set of policies would decide otherwise. The evaluator decides; what a record leaves
 * open is tried in every way, and an access whose fate hangs on that is undecidable.
 */
import type { Access, Decision } from './access.ts';
import { evaluate } from './evaluate.ts';
import { linkablePaths, withLinks } from './links.ts';
import type { Links } from './links.ts';
import { DEFAULT_POSTURES } from './model.ts';
import type { Policy, Section } from './model.ts';
import { policyRef } from './ref.ts';
import type { PolicyRef } from './report.ts';
import { accessOf } from './telemetry-access.ts';
import type { Told } from './telemetry-access.ts';
import { actorOf } from './telemetry.ts';
import type { TelemetryRecord } from './telemetry.ts';
import { settle } from './what-if-cases.ts';
import type { Case, Question } from './what-if-cases.ts';
import { decide, rulesOf, saysTheSame, sectionsFor, sideOf } from './what-if-side.ts';
import type { PolicySet, Side } from './what-if-side.ts';

/**
 * - `would-block`, `would-audit`: not so by the policies before, and so by those after.
 * - `no-longer-blocked`, `no-longer-audited`: the other way round.
 * - `undecidable`: one or the other, by what the record does not say.
 * - `other`: the record is of no access.
 */
export const WHAT_IF_OUTCOMES = [
  'would-block',
  'would-audit',
  'no-longer-blocked',
  'no-longer-audited',
  'undecidable',
  'unchanged',
  'other',
] as const;
export type WhatIfOutcome = (typeof WHAT_IF_OUTCOMES)[number];

/** How the rule is named where the posture of an allow-list decides, and no rule. */
export const POSTURE_RULE = 'DefaultPosture';

export interface Judgement {
  readonly outcome: WhatIfOutcome;
  /** `shop/web`; absent where the record does not say whose access it was. */
  readonly workload?: string;
  /** What decides by the policies after or, where it is no longer blocked or audited, what did by those before. */
  readonly by?: { readonly policy: PolicyRef; readonly rule: string; readonly source?: string };
  /** Why it is undecidable, or what else the record is of. */
  readonly why?: string;
}

/** Judges one record. */
export function judge(record: TelemetryRecord, { before, after }: { readonly before: PolicySet; readonly after: PolicySet }): Judgement {
  const told = record.type === 'SystemEvent' ? { other: 'it tells of the system itself' } : accessOf(record);
  if ('other' in told) return { outcome: 'other', why: told.other };
  const actor = actorOf(record);
  const isAudited = record.own && /^Audit \((Block|Allow)\)$/.test(record.action);
  const sides = { before: sideOf(before, actor, isAudited), after: sideOf(after, actor, isAudited) };
  const whose = actor === undefined ? {} : { workload: actor.title };
  const seen = 'unclear' in told ? told : withEvidence(told, record, sides.before);
  const sections = sectionsFor('unclear' in seen || actor === undefined ? undefined : seen.access);
  if (saysTheSame(sides.before, sides.after, sections)) return { outcome: 'unchanged', ...whose };
  if (actor === undefined) return { outcome: 'undecidable', why: 'the record does not say whose access it was' };
  if ('unclear' in seen) return { outcome: 'undecidable', why: seen.unclear, ...whose };
  return { ...judgeAccess(seen, sides, sections), ...whose };
}

type Clear = Extract<Told, { readonly access: Access }> & { readonly linked?: boolean };
interface Sides {
  readonly before: Side;
  readonly after: Side;
}

function judgeAccess(seen: Clear, sides: Sides, sections: readonly Section[]): Judgement {
  const candidates = [...sides.before.candidates, ...sides.after.candidates].filter(({ policy }) => rulesOf(policy, sections).length > 0);
  const rules = candidates.flatMap(({ policy }) => rulesOf(policy, sections));
  const links = usrLinks(candidates.map(({ policy }) => policy));
  const selectors = [...new Set(candidates.map((one) => one.if).filter((selector) => selector !== undefined))];
  const questions: Question[] = [
    ...seen.open
      .filter(({ matters }) => rules.some(matters))
      .map(({ what, could }) => ({ what, answers: could.map((fields) => (one: Case) => withFields(one, fields)) })),
    ...selectors.map((selector) => ({ what: "all of the workload's labels and names", answers: [unchanged, choosing(selector)] })),
    ...(seen.linked === undefined && isBelowUsr(seen.access) && links.size > 0
      ? [{ what: 'whether /bin and the like are links to /usr there', answers: [unchanged, linking] }]
      : []),
  ];
  const base: Case = { access: seen.access, chosen: new Set(), linked: seen.linked === true };
  const both = (one: Case): readonly [Decision, Decision] => [decide(sides.before, one, links), decide(sides.after, one, links)];
  const settled = settle(base, questions, (one) => transition(...both(one)));
  if ('hangsOn' in settled) {
    return { outcome: 'undecidable', why: `the record does not say ${[...new Set(settled.hangsOn)].join(' and ')}` };
  }
  const outcome = settled.result as WhatIfOutcome;
  if (outcome === 'unchanged') return { outcome };
  const [was, is] = both(settled.first);
  const [decision, side] = outcome.startsWith('would') ? ([is, sides.after] as const) : ([was, sides.before] as const);
  return { outcome, ...giverOf(decision, side, sections) };
}

const unchanged = (one: Case): Case => one;
const linking = (one: Case): Case => ({ ...one, linked: true });
const choosing =
  (selector: string) =>
  (one: Case): Case => ({ ...one, chosen: new Set([...one.chosen, selector]) });

function withFields(one: Case, fields: object): Case {
  return { ...one, access: { ...one.access, ...fields } };
}

/** From what the policies before decide to what those after do. */
function transition(was: Decision, is: Decision): WhatIfOutcome {
  const [from, to] = [STRENGTH[was.verdict], STRENGTH[is.verdict]];
  if (from === to) return 'unchanged';
  if (to > from) return to === STRENGTH.block ? 'would-block' : 'would-audit';
  return from === STRENGTH.block ? 'no-longer-blocked' : 'no-longer-audited';
}

const STRENGTH = { none: 0, allow: 0, audit: 1, block: 2 } as const;

/** Who decided: a rule, or the policy that makes an allow-list of the section. */
function giverOf(decision: Decision, { candidates }: Side, sections: readonly Section[]): Pick<Judgement, 'by'> {
  if ('rule' in decision) return { by: { ...written(decision.policy, decision.rule.field), policy: policyRef(decision.policy) } };
  const allows = candidates.find(({ policy }) => rulesOf(policy, sections).some(({ action }) => action === 'Allow')) ?? candidates[0];
  return allows === undefined ? {} : { by: { ...written(allows.policy, POSTURE_RULE), policy: policyRef(allows.policy) } };
}

function written({ provenance }: Policy, rule: string): { readonly rule: string; readonly source?: string } {
  const source = (Object.hasOwn(provenance.rules, rule) ? provenance.rules[rule] : undefined) ?? provenance.source;
  return source === undefined ? { rule } : { rule, source };
}

/** Where distributions keep what other paths lead to. */
const OUTSIDE_USR = /^\/(bin|sbin|lib|lib32|lib64|libx32)(\/|$)/;

/** To where in `/usr` the paths of these policies lead where a container has its programs there. */
function usrLinks(policies: readonly Policy[]): Links {
  const paths = linkablePaths(policies).filter((path) => OUTSIDE_USR.test(path));
  return new Map(paths.map((path) => [path, [`/usr${path}`]]));
}

function isBelowUsr(access: Access): boolean {
  return access.source.startsWith('/usr/') || ('path' in access && access.path?.startsWith('/usr/') === true);
}

/**
 * The record says which rule decided then. Where the policies before have that rule in the same commit, and it is not about the record's path
 * as it stands, the file was met by another name: a link, which the policies after meet as well.
 */
function withEvidence(told: Clear, record: TelemetryRecord, before: Side): Clear | { readonly unclear: string } {
  const { access } = told;
  if (!record.own || access.type !== 'path') return told;
  const policy = before.candidates.map((one) => one.policy).find((one) => isOf(one, record));
  const rule = policy?.rules.find((one) => one.field === record.rule);
  if (policy === undefined || rule === undefined || !('match' in rule) || !sectionsFor(access).includes(rule.section)) return told;
  const anybodys: Policy = { ...policy, rules: [{ ...rule, from: [] }] };
  if (isAbout(anybodys, access)) return told;
  const links = usrLinks([anybodys]);
  if (withLinks([anybodys], { first: links, now: links }).some((one) => isAbout(one, access))) return { ...told, linked: true };
  if (rule.match.type === 'path') return { ...told, access: { ...access, otherNames: [rule.match.path] } };
  return { unclear: 'its rule met the file by another path, which the record does not say' };
}

function isOf({ kind, namespace, name, provenance }: Policy, record: TelemetryRecord): boolean {
  if (kind !== record.policyKind || namespace !== record.policyNamespace || name !== record.policyName) return false;
  return (provenance.commit ?? '') === record.commit;
}

function isAbout(policy: Policy, access: Access): boolean {
  return 'rule' in evaluate({ policies: [policy], postures: DEFAULT_POSTURES, access });
}

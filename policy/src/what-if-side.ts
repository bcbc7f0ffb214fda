/** What-if, one side: the policies of one set that are for a workload, or may be, and what they decide. */
import type { Access, Decision } from './access.ts';
import { audited } from './audited.ts';
import { evaluate } from './evaluate.ts';
import { withLinks } from './links.ts';
import type { Links } from './links.ts';
import { HOSTNAME_LABELS, matches } from './match.ts';
import { DEFAULT_POSTURES } from './model.ts';
import type { Policy, Postures, Rule, Section } from './model.ts';
import type { Actor } from './telemetry.ts';
import type { Case } from './what-if-cases.ts';

/** Policies, and what they leave to the default. */
export interface PolicySet {
  readonly policies: readonly Policy[];
  /** Where a namespace says nothing; default: audit. */
  readonly postures?: Postures;
  /** What namespaces say, by name. */
  readonly namespaces?: ReadonlyMap<string, Partial<Postures>>;
}

/** A policy that is for the workload; with `if`, only where this selector chooses it. */
interface Candidate {
  readonly policy: Policy;
  readonly if?: string;
}

export interface Side {
  readonly candidates: readonly Candidate[];
  readonly postures: Postures;
  /** Whether nothing is blocked in the container, but told. */
  readonly audited: boolean;
}

const ALL_AUDITED: Postures = { file: 'audit', network: 'audit', capabilities: 'audit' };

/** The policies of a set for a workload; for one that is not known, all may be. */
export function sideOf(set: PolicySet, actor: Actor | undefined, isAudited: boolean): Side {
  const own = actor === undefined || actor.workload.host ? undefined : set.namespaces?.get(actor.workload.namespace);
  const candidates = set.policies.flatMap((policy): Candidate[] => {
    if (actor === undefined) return [{ policy, if: JSON.stringify([policy.kind, policy.namespace, policy.target]) }];
    const chosen = isChosen(policy, actor);
    if (chosen === 'no') return [];
    return chosen === 'yes' ? [{ policy }] : [{ policy, if: selectorKey(policy) }];
  });
  const postures = isAudited ? ALL_AUDITED : { ...(set.postures ?? DEFAULT_POSTURES), ...own };
  return { candidates, postures, audited: isAudited };
}

function selectorKey({ target: { labels, expressions, containers } }: Policy): string {
  return JSON.stringify([Object.entries(labels).sort(), expressions, containers]);
}

/** Whether a policy is for a workload of which not all may be known. */
function isChosen(policy: Policy, { workload, labelled, named }: Actor): 'yes' | 'no' | 'unknown' {
  const { target } = policy;
  const asked = Object.entries(target.labels);
  const known = labelled ? asked : asked.filter(([key]) => workload.host && HOSTNAME_LABELS.includes(key));
  const expressions = labelled ? target.expressions : [];
  const containers = named ? target.containers : [];
  if (!matches({ ...policy, target: { ...target, labels: Object.fromEntries(known), expressions, containers } }, workload)) return 'no';
  const isWhole = known.length === asked.length && expressions.length === target.expressions.length;
  return isWhole && containers.length === target.containers.length ? 'yes' : 'unknown';
}

/** What the policies of a side decide in one case. */
export function decide({ candidates, postures, audited: isAudited }: Side, { access, chosen, linked }: Case, links: Links): Decision {
  const selected = candidates.filter((one) => one.if === undefined || chosen.has(one.if)).map(({ policy }) => policy);
  const reaching = linked ? withLinks(selected, { first: links, now: links }) : selected;
  return evaluate({ policies: isAudited ? audited(reaching) : reaching, postures, access });
}

/** Whether two sides say the same, by whatever names, of accesses that these sections judge. */
export function saysTheSame(a: Side, b: Side, sections: readonly Section[]): boolean {
  return sideText(a, sections) === sideText(b, sections);
}

function sideText({ candidates, postures }: Side, sections: readonly Section[]): string {
  const said = candidates.map(({ policy, if: chosen }) => [
    chosen,
    policy.kind === 'KubeArmorHostPolicy',
    rulesOf(policy, sections).map(ruleText),
  ]);
  return JSON.stringify([postures, said.filter(([, , rules]) => (rules as readonly string[]).length > 0)]);
}

export function rulesOf(policy: Policy, sections: readonly Section[]): readonly Rule[] {
  return policy.rules.filter(({ section }) => sections.includes(section));
}

const RULE_TEXTS = new WeakMap<Rule, string>();

/** What a rule decides, without how that is told. */
function ruleText(rule: Rule): string {
  const known = RULE_TEXTS.get(rule);
  if (known !== undefined) return known;
  const text = JSON.stringify({ ...rule, field: '', severity: 0, tags: [], message: '' }, (_key, value: unknown) =>
    typeof value === 'bigint' ? value.toString() : value,
  );
  RULE_TEXTS.set(rule, text);
  return text;
}

const EVERY_SECTION: readonly Section[] = ['process', 'file', 'network', 'capabilities', 'dns', 'syscalls', 'hardening', 'presets'];

/** Sections with rules that may have a say in an access; all for one that is not known. */
export function sectionsFor(access: Access | undefined): readonly Section[] {
  switch (access?.type) {
    case 'path':
      if (access.operation === 'move' || access.otherNames !== undefined) return ['process', 'file'];
      return access.operation === 'exec' ? ['process'] : ['file'];
    case 'network':
      return ['network'];
    case 'dns':
      return ['dns'];
    case 'capability':
      return ['capabilities'];
    case 'syscall':
      return ['syscalls'];
    case 'switch':
    case undefined:
      return EVERY_SECTION;
  }
}

/** What is refused where no policy speaks of a switch: what would take the sense out of the rules. */
import { postureOf } from './model.ts';
import type { Policy, Postures, Rule, SwitchName } from './model.ts';

/** Weakest first. */
const REFUSALS = ['none', 'audit', 'block'] as const;
type Refusal = (typeof REFUSALS)[number];

/**
 * How strictly a container is refused what a switch is about when nobody says: mounts, by which a file gets a path that no rule names, as
 * strictly as the strictest rule about files refuses; tracing, by which anybody acts as a source, as strictly as is refused to others what
 * some source may do. Nothing else, and nothing to the node.
 */
export function defaultOf(which: SwitchName, { policies, postures }: { policies: readonly Policy[]; postures: Postures }): Refusal {
  if (which !== 'mounts' && which !== 'ptrace') return 'none';
  const rules = policies.filter(({ kind }) => kind !== 'KubeArmorHostPolicy').flatMap((policy) => policy.rules);
  if (which === 'ptrace') return tracingDefault(rules, postures);
  return strictest(rules.filter((rule) => 'match' in rule).map((rule) => refusalOf(rule, postures)));
}

function tracingDefault(rules: readonly Rule[], postures: Postures): Refusal {
  const sections = new Set(rules.filter(({ from }) => from.length > 0).map(({ section }) => section));
  return strictest(
    [...sections].map((section) =>
      gainOf(
        rules.filter((rule) => rule.section === section),
        postures,
      ),
    ),
  );
}

/** What rules of one section refuse to any program, if they refuse less to some source: what acting as that source would gain. */
function gainOf(rules: readonly Rule[], postures: Postures): Refusal {
  const toAny = strictest(rules.map((rule) => (rule.from.length === 0 ? refusalOf(rule, postures) : postureFor(rule, postures))));
  const isLess = (rule: Rule): boolean => REFUSALS.indexOf(leastOf(rule)) < REFUSALS.indexOf(toAny);
  return rules.some((rule) => rule.from.length > 0 && isLess(rule)) ? toAny : 'none';
}

/** The most that a rule refuses: an Allow rule to whom it does not permit, or what no rule allows. */
function refusalOf(rule: Rule, postures: Postures): Refusal {
  if (rule.action === 'Audit') return 'audit';
  if (rule.action === 'Block') return 'block';
  if (!isConditional(rule)) return postureFor(rule, postures);
  return rule.asWritten === undefined ? 'block' : 'audit';
}

/** The least that it refuses. */
function leastOf(rule: Rule): Refusal {
  if (rule.action === 'Allow' || isConditional(rule)) return 'none';
  return rule.action === 'Audit' ? 'audit' : 'block';
}

/** Whether it permits something and refuses something, whatever its action. */
function isConditional(rule: Rule): boolean {
  if (rule.noTerminal === true) return true;
  return 'match' in rule && (rule.ownerOnly || (rule.section === 'file' ? rule.readOnly : rule.allowedArgs !== undefined));
}

/** What is said of that which an Allow rule does not name. */
function postureFor({ action, section }: Rule, postures: Postures): Refusal {
  if (action !== 'Allow' || section === 'syscalls' || section === 'hardening' || section === 'presets') return 'none';
  return postureOf(section, postures);
}

function strictest(refusals: readonly Refusal[]): Refusal {
  return refusals.reduce((most, one) => (REFUSALS.indexOf(one) > REFUSALS.indexOf(most) ? one : most), 'none');
}

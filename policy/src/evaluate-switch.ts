/** What switches decide: the part of docs/semantics.md about hardening and presets, as a function. */
import type { Decision } from './access.ts';
import type { Policy, Postures, Rule, SwitchName } from './model.ts';

/** Strongest last. */
const ACTIONS = ['Allow', 'Audit', 'Block'] as const;
const VERDICTS = { Allow: 'allow', Audit: 'audit', Block: 'block' } as const;

/** The strongest of what the policies say about a switch; the first of those that say it is named. */
export function evaluateSwitch(input: { policies: readonly Policy[]; postures: Postures; which: SwitchName }): Decision {
  const { policies, postures, which } = input;
  const said = policies.flatMap((policy) =>
    policy.rules.filter((rule) => 'switch' in rule && rule.switch === which).map((rule) => ({ policy, rule })),
  );
  for (const action of [...ACTIONS].reverse()) {
    const first = said.find(({ rule }) => rule.action === action);
    if (first !== undefined) return { verdict: VERDICTS[action], ...first };
  }
  return which === 'mounts' ? mountDefault(policies, postures) : { verdict: 'none' };
}

/**
 * Mounting gives files other paths. Where nobody says anything about mounts, it is refused to a container as strongly as the strongest of
 * its process and file rules refuses.
 */
function mountDefault(policies: readonly Policy[], postures: Postures): Decision {
  const refusals = policies
    .filter(({ kind }) => kind !== 'KubeArmorHostPolicy')
    .flatMap(({ rules }) => rules)
    .map((rule) => refusalOf(rule, postures));
  if (refusals.includes('block')) return { verdict: 'block', posture: true };
  return refusals.includes('audit') ? { verdict: 'audit', posture: true } : { verdict: 'none' };
}

function refusalOf(rule: Rule, postures: Postures): 'audit' | 'block' | undefined {
  if (rule.section !== 'process' && rule.section !== 'file') return undefined;
  if (rule.action === 'Audit') return 'audit';
  if (rule.action === 'Block' || rule.ownerOnly) return 'block';
  return rule.section === 'file' && rule.readOnly ? 'block' : postures.file;
}

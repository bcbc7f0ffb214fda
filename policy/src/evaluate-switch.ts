/** What switches decide: the part of docs/semantics.md about hardening and presets, as a function. */
import type { Decision } from './access.ts';
import type { Policy, Postures, SwitchName } from './model.ts';
import { defaultOf } from './switch-defaults.ts';

/** Strongest last. */
const ACTIONS = ['Allow', 'Audit', 'Block'] as const;
const VERDICTS = { Allow: 'allow', Audit: 'audit', Block: 'block' } as const;

/** The strongest of what the policies say about a switch; the first of those that say it is named. Where nobody says anything, the default. */
export function evaluateSwitch(input: { policies: readonly Policy[]; postures: Postures; which: SwitchName }): Decision {
  const { policies, which } = input;
  const said = policies.flatMap((policy) =>
    policy.rules.filter((rule) => 'switch' in rule && rule.switch === which).map((rule) => ({ policy, rule })),
  );
  for (const action of [...ACTIONS].reverse()) {
    const first = said.find(({ rule }) => rule.action === action);
    if (first !== undefined) return { verdict: VERDICTS[action], ...first };
  }
  const verdict = defaultOf(which, input);
  return verdict === 'none' ? { verdict } : { verdict, posture: true };
}

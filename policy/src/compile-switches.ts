/** The switches of a container, merged into one word. */
import { SWITCH, VERDICT } from './abi.ts';
import { HARDENING_NAMES } from './model.ts';
import type { Policy, Postures, SwitchName } from './model.ts';
import { switchSiteKey } from './site.ts';
import { defaultOf } from './switch-defaults.ts';
import type { Giver } from './trie.ts';

const ACTION_VERDICT = { Allow: 'allow', Audit: 'audit', Block: 'block' } as const;

/** Two bits for each switch: the strongest verdict that a rule gives it, or the default. And which rule gives each. */
export function compileSwitches(policies: readonly Policy[], postures: Postures): { switches: bigint; sites: ReadonlyMap<string, Giver> } {
  const strongest = new Map<SwitchName, number>();
  const sites = new Map<string, Giver>();
  for (const policy of policies) {
    for (const rule of policy.rules) {
      if (!('switch' in rule)) continue;
      const verdict = ACTION_VERDICT[rule.action];
      strongest.set(rule.switch, Math.max(strongest.get(rule.switch) ?? 0, VERDICT[verdict]));
      const key = switchSiteKey({ which: rule.switch, verdict });
      if (!sites.has(key)) sites.set(key, { policy, rule });
    }
  }
  for (const which of HARDENING_NAMES) if (!strongest.has(which)) strongest.set(which, VERDICT[defaultOf(which, { policies, postures })]);
  let switches = 0n;
  for (const [name, verdict] of strongest) switches |= BigInt(verdict) << BigInt(SWITCH[name] * 2);
  return { switches, sites };
}

/** The switches of a container, merged into one word. */
import { SWITCH, VERDICT } from './abi.ts';
import type { Postures, Rule, SwitchName } from './model.ts';
import { switchSiteKey } from './site.ts';
import type { Giver } from './trie.ts';

const ACTION_VERDICT = { Allow: 'allow', Audit: 'audit', Block: 'block' } as const;

/** Two bits for each switch: the strongest verdict that a rule gives it. And which rule gives each. */
export function compileSwitches(givers: readonly Giver[], postures: Postures): { switches: bigint; sites: ReadonlyMap<string, Giver> } {
  const strongest = new Map<SwitchName, number>();
  const sites = new Map<string, Giver>();
  for (const giver of givers) {
    const { rule } = giver;
    if (!('switch' in rule)) continue;
    const verdict = ACTION_VERDICT[rule.action];
    strongest.set(rule.switch, Math.max(strongest.get(rule.switch) ?? 0, VERDICT[verdict]));
    const key = switchSiteKey({ which: rule.switch, verdict });
    if (!sites.has(key)) sites.set(key, giver);
  }
  if (!strongest.has('mounts')) strongest.set('mounts', mountDefault(givers, postures));
  let switches = 0n;
  for (const [name, verdict] of strongest) switches |= BigInt(verdict) << BigInt(SWITCH[name] * 2);
  return { switches, sites };
}

/** As strong as the strongest process or file rule of a container: a mount could give any file a path that no rule names. */
function mountDefault(givers: readonly Giver[], postures: Postures): number {
  return givers
    .filter(({ policy }) => policy.kind !== 'KubeArmorHostPolicy')
    .reduce((most, { rule }) => Math.max(most, refusalOf(rule, postures)), VERDICT.none as number);
}

function refusalOf(rule: Rule, postures: Postures): number {
  if (!('match' in rule)) return VERDICT.none;
  if (rule.action !== 'Allow') return VERDICT[ACTION_VERDICT[rule.action]];
  const narrowed = rule.ownerOnly || ('readOnly' in rule && rule.readOnly);
  return narrowed ? VERDICT.block : VERDICT[postures.file];
}

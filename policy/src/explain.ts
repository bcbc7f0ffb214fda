/** Which rule gave the verdict of an event. */
import type { Decision } from './access.ts';
import type { DecodedEvent } from './event.ts';
import type { Policy, Rule } from './model.ts';
import { allowingNames, networkNames } from './network.ts';
import {
  DNS_CELL,
  endpointSiteKey,
  flatSiteKey,
  isPathSite,
  siteKey,
  switchSiteKey,
  syscallPathSiteKey,
  syscallSiteKey,
  terminalSiteKey,
} from './site.ts';
import { switchOf } from './switches.ts';
import { syscallText } from './syscall.ts';
import type { Table } from './table.ts';

interface Giver {
  readonly policy: Policy;
  readonly rule: Rule;
}

/**
 * What decided an event: the rule in `table`, or the posture of an allow-listed class. `none` when nothing in this table can have given
 * it: the access could not be judged (`event.site` is `unjudged`), or the event is from a table of another generation.
 */
export function explainEvent(input: { table: Table; nodeBase: number; event: DecodedEvent }): Decision {
  const { event } = input;
  if (event.verdict === 'none' || event.site === 'unjudged') return { verdict: 'none' };
  if (event.site === 'default') {
    return event.verdict === 'allow' ? { verdict: 'none' } : { verdict: event.verdict, posture: true };
  }
  if (event.site === 'switch') return event.section === 'syscalls' ? syscallGiver(input) : switchGiver(input);
  const giver = giverOf(input);
  return giver === undefined ? { verdict: 'none' } : { verdict: event.verdict, ...giver };
}

function syscallGiver({ table, event }: { table: Table; event: DecodedEvent }): Decision {
  const { verdict, source, detail } = event;
  if (verdict !== 'audit' && verdict !== 'block') return { verdict: 'none' };
  const giver = table.sites.get(syscallSiteKey({ source, syscall: syscallText(detail[0], detail[1] !== 0), verdict }));
  return giver === undefined ? { verdict: 'none' } : { verdict, ...giver };
}

/** A switch's rule; without one it is the default, as for mounts and tracing. */
function switchGiver({ table, event }: { table: Table; event: DecodedEvent }): Decision {
  const { verdict } = event;
  const which = switchOf(event.detail[0]);
  if (verdict === 'none' || which === undefined) return { verdict: 'none' };
  const giver = table.sites.get(switchSiteKey({ which, verdict }));
  if (giver !== undefined) return { verdict, ...giver };
  return verdict === 'allow' ? { verdict: 'none' } : { verdict, posture: true };
}

function giverOf(input: { table: Table; nodeBase: number; event: DecodedEvent }): Giver | undefined {
  if (input.event.site === 'flat') return flatGiver(input);
  return input.event.site === 'endpoint' ? input.table.sites.get(endpointSiteKey(input.event.node)) : pathGiver(input);
}

function pathGiver({ table, nodeBase, event }: { table: Table; nodeBase: number; event: DecodedEvent }): Giver | undefined {
  const { site, source } = event;
  if (event.section === 'syscalls') return callGiver({ table, nodeBase, event });
  const { operation, owner } = event.section === 'dns' ? DNS_CELL : event;
  if (operation === undefined || !isPathSite(site)) return undefined;
  const node = site === 'pattern' ? event.node : event.node - nodeBase;
  return table.sites.get(siteKey({ node, site, source, operation, owner }));
}

function callGiver({ table, nodeBase, event }: { table: Table; nodeBase: number; event: DecodedEvent }): Giver | undefined {
  const { site, source, detail } = event;
  if (site !== 'exact' && site !== 'child' && site !== 'deep') return undefined;
  const syscall = syscallText(detail[0], detail[1] !== 0);
  return table.sites.get(syscallPathSiteKey({ node: event.node - nodeBase, site, source, syscall }));
}

/** Of the rules for any name that the access has, the first: names are alike, so order decides as it does in the evaluator. */
function flatGiver({ table, nodeBase, event }: { table: Table; nodeBase: number; event: DecodedEvent }): Giver | undefined {
  const { verdict, source, section } = event;
  if (verdict === 'none') return undefined;
  const [first, second, third] = event.detail;
  const namesOf = verdict === 'allow' ? allowingNames : networkNames;
  const names = section === 'capabilities' ? [first] : [...namesOf(first, second, third)];
  // the event has the root of the table that decided: not the first one for a task with a terminal
  const isTerminal = event.node > nodeBase + 1;
  const keys = names.map((what) => flatSiteKey({ source, what, verdict })).map((key) => (isTerminal ? terminalSiteKey(key, 0) : key));
  const givers = keys.map((key) => table.sites.get(key)).filter((giver) => giver !== undefined);
  if (givers.length < 2) return givers[0];
  const order = (giver: Giver): readonly [number, number] => [table.policies.indexOf(giver.policy), giver.policy.rules.indexOf(giver.rule)];
  return givers.sort((a, b) => {
    const [policyA, ruleA] = order(a);
    const [policyB, ruleB] = order(b);
    return policyA - policyB || ruleA - ruleB;
  })[0];
}

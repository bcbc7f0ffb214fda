/** A kernel record with names: whose it is, what was tried, and which rule of which policy said so. */
import type { Action, DecodedEvent, Decision, Policy, Rule, Table } from '@parapet/policy';
import { decodeEvent, explainEvent } from '@parapet/policy';
import type { Container, KernelEvent } from './ports.ts';

/** What was in force where a record comes from. */
export interface Origin {
  /** Undefined for the node itself. */
  readonly container: Container | undefined;
  readonly table: Table;
  readonly nodeBase: number;
}

export interface Explained {
  readonly record: KernelEvent;
  readonly event: DecodedEvent;
  readonly action: Action;
  /** Undefined where nothing is known of the container: it went before its record came. */
  readonly origin: Origin | undefined;
  /**
   * - `rule`: a rule decided.
   * - `posture`: the default posture of a class that `policy` makes an allow-list.
   * - `unjudged`: refused because it could not be judged.
   * - `unknown`: the table that decided is no longer known.
   */
  readonly why:
    | { readonly type: 'rule'; readonly policy: Policy; readonly rule: Rule }
    | { readonly type: 'posture'; readonly policy: Policy | undefined }
    | { readonly type: 'unjudged'; readonly policy: Policy | undefined }
    | { readonly type: 'unknown' };
}

/** Explains a record. Undefined when it is no denial and no audit; throws a RangeError when it is no record of this ABI. */
export function explain(record: KernelEvent, origin: Origin | undefined): Explained | undefined {
  const event = decodeEvent(record.header);
  if (event.verdict !== 'audit' && event.verdict !== 'block') return undefined;
  return { record, event, action: event.verdict === 'block' ? 'Block' : 'Audit', origin, why: reason(event, origin) };
}

function reason(event: DecodedEvent, origin: Origin | undefined): Explained['why'] {
  if (event.site === 'unjudged') return { type: 'unjudged', policy: origin?.table.policies.find((policy) => speaksOf(policy, event)) };
  if (origin === undefined) return { type: 'unknown' };
  const decision: Decision = explainEvent({ table: origin.table, nodeBase: origin.nodeBase, event });
  if ('rule' in decision) return { type: 'rule', policy: decision.policy, rule: decision.rule };
  if ('posture' in decision) return { type: 'posture', policy: origin.table.policies.find((policy) => allowLists(policy, event)) };
  return { type: 'unknown' };
}

/** Whether the policy is why the class of the event has a default: an Allow rule makes it an allow-list. */
function allowLists(policy: Policy, event: DecodedEvent): boolean {
  // What guards rules is refused for the sake of the rules that name files or sources.
  if (event.section === 'hardening') return policy.rules.some((rule) => 'match' in rule || rule.from.length > 0);
  return policy.rules.some((rule) => rule.section === event.section && rule.action === 'Allow');
}

function speaksOf(policy: Policy, event: DecodedEvent): boolean {
  return policy.rules.some((rule) => rule.section === event.section);
}

/** A policy's status as its users see it: conditions and counts, from how many nodes hold it and from what the others say. */
import type { PolicyRef } from '@parapet/policy';
import { clip, count, plain } from './describe.ts';

/** A policy object that exists. */
export interface FoldedPolicy extends PolicyRef {
  /** `metadata.generation`. */
  readonly generation: number;
  /** Commit from its provenance, as nodes read it; absent where it has none. */
  readonly commit?: string;
  /** Fingerprint of what was applied, as its mark says; absent where it has none. */
  readonly fingerprint?: string;
  /** Why the reconciler itself would not accept it; absent: it would. */
  readonly refused?: string;
  /** The status that the object has now, as `readPolicyStatus` reads it. */
  readonly written?: PolicyStatus;
}

const CONDITION_TYPES = ['Accepted', 'Enforced', 'Degraded'] as const;
export type ConditionType = (typeof CONDITION_TYPES)[number];

export interface PolicyCondition {
  readonly type: ConditionType;
  readonly status: 'True' | 'False' | 'Unknown';
  /**
   * - `Accepted`: `Valid`, `Refused` (by the reconciler), `Rejected` (by a node).
   * - `Enforced`: `AllNodes`, or why not: `Refused`, `NoNodes`, `Stale` (nodes have gone quiet), `Rejected`, `Degraded`, `NotYet`.
   * - `Degraded`: `NodesDegraded`, `AsExpected`, `NoNodes`.
   */
  readonly reason: string;
  /** One line; may be empty. */
  readonly message: string;
  readonly observedGeneration: number;
  /** RFC 3339, whole seconds; when `status` last became another one. */
  readonly lastTransitionTime: string;
}

/** Nodes that report; each is in one of the last four. */
export interface NodeCounts {
  readonly total: number;
  readonly enforced: number;
  readonly degraded: number;
  readonly rejected: number;
  readonly pending: number;
}

export interface PolicyStatus {
  readonly observedGeneration: number;
  /** `Accepted`, `Enforced`, `Degraded`, in this order. */
  readonly conditions: readonly PolicyCondition[];
  readonly nodes: NodeCounts;
  /** Containers that the policy is for, on nodes that have read this generation. */
  readonly containers: number;
}

/** A node that does not hold a policy, and what it says about that. */
export interface NamedNode {
  readonly node: string;
  readonly message: string;
}

/** Nodes of one kind: how many, and the first ten by name. */
export interface NodeGroup {
  readonly count: number;
  readonly named: readonly NamedNode[];
}

/** Most nodes that are named in one message. */
export const MAX_NAMED = 10;
/** A node may say anything, so what it says is cut. */
const MAX_REASON = 200;
const MAX_MESSAGE = 2048;
/** What the field of the API can hold. */
const MAX_CONTAINERS = 2 ** 31 - 1;

export interface Tallied {
  readonly enforced: number;
  readonly degraded: NodeGroup;
  readonly rejected: NodeGroup;
  readonly pending: NodeGroup;
  readonly containers: number;
  /** Nodes that have not renewed their report: they count nowhere. */
  readonly stale: NodeGroup;
  /** After which a report that was not renewed is stale, in milliseconds. */
  readonly patience: number;
}

type Said = Pick<PolicyCondition, 'status' | 'reason' | 'message'>;

/** The status of a policy. `before` is the one that it had, from which times of transition are kept; `now` is in milliseconds since the epoch. */
export function policyStatus(
  policy: FoldedPolicy,
  tallied: Tallied,
  { before, now }: { readonly before: PolicyStatus | undefined; readonly now: number },
): PolicyStatus {
  const { enforced, degraded, rejected, pending, containers } = tallied;
  const nodes = { total: totalOf(tallied), enforced, degraded: degraded.count, rejected: rejected.count, pending: pending.count };
  const said = { Accepted: accepted(policy, tallied), Enforced: isEnforced(policy, tallied), Degraded: isDegraded(tallied) };
  const conditions = CONDITION_TYPES.map((type): PolicyCondition => {
    const old = before?.conditions.find((condition) => condition.type === type);
    const { status, reason, message } = said[type];
    const lastTransitionTime = old !== undefined && old.status === status ? old.lastTransitionTime : timeText(now);
    return { type, status, reason, message: clip(message, MAX_MESSAGE), observedGeneration: policy.generation, lastTransitionTime };
  });
  return { observedGeneration: policy.generation, conditions, nodes, containers: Math.min(containers, MAX_CONTAINERS) };
}

/** The status as the object in the cluster has it. */
export function statusObject({ observedGeneration, conditions, nodes, containers }: PolicyStatus): Readonly<Record<string, unknown>> {
  return { observedGeneration, conditions, nodes: { summary: summaryOf(nodes), ...nodes }, containers };
}

/** For a column of `kubectl get`: `2/3`. */
function summaryOf({ enforced, total }: NodeCounts): string {
  return `${enforced}/${total}`;
}

/** Whether two statuses say the same; times of transition follow from the rest. */
export function isSameStatus(a: PolicyStatus | undefined, b: PolicyStatus | undefined): boolean {
  return a === b || (a !== undefined && b !== undefined && essenceOf(a) === essenceOf(b));
}

function essenceOf({ observedGeneration, conditions, nodes, containers }: PolicyStatus): string {
  const { total, enforced, degraded, rejected, pending } = nodes;
  const said = conditions.map(({ type, status, reason, message, observedGeneration: at }) => [type, status, reason, message, at]);
  return JSON.stringify([observedGeneration, said, total, enforced, degraded, rejected, pending, containers]);
}

function totalOf({ enforced, degraded, rejected, pending }: Tallied): number {
  return enforced + degraded.count + rejected.count + pending.count;
}

function accepted(policy: FoldedPolicy, { rejected }: Tallied): Said {
  if (policy.refused !== undefined) return { status: 'False', reason: 'Refused', message: tidy(policy.refused) };
  if (rejected.count > 0) return { status: 'False', reason: 'Rejected', message: `rejected on ${nodesText(rejected)}` };
  return { status: 'True', reason: 'Valid', message: '' };
}

function isEnforced(policy: FoldedPolicy, tallied: Tallied): Said {
  const { enforced, degraded, rejected, pending, stale } = tallied;
  const total = totalOf(tallied);
  const no = (reason: string, why: string): Said => ({
    status: 'False',
    reason,
    message: [why, quietText(tallied)].filter(Boolean).join('; '),
  });
  if (policy.refused !== undefined) return no('Refused', 'the reconciler refuses it');
  if (total === 0) return stale.count > 0 ? no('Stale', '') : no('NoNodes', 'no node has reported yet');
  const share = `in force on ${enforced} of ${count(total, 'node', 'nodes')}`;
  if (rejected.count > 0) return no('Rejected', `${share}; rejected on ${namesText(rejected)}`);
  if (degraded.count > 0) return no('Degraded', `${share}; degraded on ${namesText(degraded)}`);
  if (pending.count > 0) return no('NotYet', `${share}; not yet on ${namesText(pending)}`);
  return { ...no('AllNodes', `${share}${containersText(policy, tallied)}`), status: 'True' };
}

function isDegraded(tallied: Tallied): Said {
  const { degraded } = tallied;
  if (degraded.count > 0) return { status: 'True', reason: 'NodesDegraded', message: `degraded on ${nodesText(degraded)}` };
  if (totalOf(tallied) === 0) return { status: 'Unknown', reason: 'NoNodes', message: '' };
  return { status: 'False', reason: 'AsExpected', message: '' };
}

/** Host policies are for the nodes themselves. */
function containersText({ kind }: FoldedPolicy, { containers }: Tallied): string {
  return kind === 'KubeArmorHostPolicy' ? '' : `, for ${count(containers, 'container', 'containers')}`;
}

/** That nodes have gone quiet, whose enforcement nobody knows. */
function quietText({ stale, patience }: Tallied): string {
  if (stale.count === 0) return '';
  const [verb, time] = [stale.count === 1 ? 'has' : 'have', count(Math.round(patience / 1000), 'second', 'seconds')];
  return `${count(stale.count, 'node', 'nodes')} not counted, which ${verb} not reported for ${time}: ${namesText(stale)}`;
}

/** `n1, n2 and 12 more`. */
function namesText({ count: number, named }: NodeGroup): string {
  const more = number - named.length;
  return `${named.map(({ node }) => nodeText(node)).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

/** With their reasons, those that give the same one together: `n1, n2 (no such hook), n3 (its cgroup is not known) and 12 more`. */
function nodesText({ count: number, named }: NodeGroup): string {
  const byReason = new Map<string, string[]>();
  for (const { node, message } of named) {
    const nodes = byReason.get(message) ?? [];
    byReason.set(message, [...nodes, nodeText(node)]);
  }
  const texts = [...byReason].map(([message, nodes]) => `${nodes.join(', ')} (${message === '' ? 'no reason given' : message})`);
  const more = number - named.length;
  return `${texts.join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}

function nodeText(node: string): string {
  return clip(plain(node), 253);
}

/** What somebody else says, as one short line. */
export function tidy(text: string): string {
  return text === '' ? '' : clip(plain(text), MAX_REASON);
}

/** As Kubernetes writes times. */
function timeText(now: number): string {
  return `${new Date(now).toISOString().slice(0, 19)}Z`;
}

/** The status of an object in the cluster, where it is one that this file could have made. */
export function readPolicyStatus(value: unknown): PolicyStatus | undefined {
  if (!isRecord(value) || !isRecord(value['nodes']) || !Array.isArray(value['conditions'])) return undefined;
  const { nodes, containers, observedGeneration } = value;
  const conditions = CONDITION_TYPES.map((type) => (value['conditions'] as unknown[]).find((one) => isRecord(one) && one['type'] === type));
  if (!conditions.every(isCondition)) return undefined;
  const { total, enforced, degraded, rejected, pending } = nodes;
  const numbers = [total, enforced, degraded, rejected, pending, containers, observedGeneration];
  if (!numbers.every((number) => Number.isSafeInteger(number))) return undefined;
  const status = { observedGeneration, conditions, nodes: { total, enforced, degraded, rejected, pending }, containers } as PolicyStatus;
  return nodes['summary'] === summaryOf(status.nodes) ? status : undefined;
}

function isCondition(value: unknown): value is PolicyCondition {
  if (!isRecord(value) || !Number.isSafeInteger(value['observedGeneration'])) return false;
  if (!/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/.test(String(value['lastTransitionTime']))) return false;
  return ['status', 'reason', 'message'].every((field) => typeof value[field] === 'string');
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** What the agent says of itself: to operators, to `wait`, to the NodeReport. */
import type { Policy, PolicyRef, PolicyReport, Problem } from '@parapet/policy';
import { formatProblem, policyRef, refKey } from '@parapet/policy';
import type { Book } from './book.ts';
import { lostDenials, missedRuns } from './losses.ts';
import type { Unit } from './units.ts';
import type { Container, EnforcerSupport } from './ports.ts';
import { missingHookProblem, selectPolicies } from './select.ts';

export interface ContainerStatus {
  readonly id: string;
  readonly name: string;
  readonly namespace: string;
  readonly image: string;
  readonly labels: Readonly<Record<string, string>>;
  /** Empty where nothing is enforced. */
  readonly tableHash: string;
  /** In force: `KubeArmorPolicy default/no-shell`. */
  readonly policies: readonly string[];
  /** Why something that should be in force is not. */
  readonly problem?: string;
}

export interface AgentStatus {
  readonly node: string;
  readonly cluster: string;
  readonly enforcer: string;
  readonly kernel: string;
  readonly runtime: { readonly connected: boolean; readonly message: string };
  /** The node itself, which host policies are for. */
  readonly host: { readonly tableHash: string; readonly policies: readonly string[]; readonly problem?: string };
  readonly containers: readonly ContainerStatus[];
  readonly policies: readonly PolicyReport[];
  /** Kernel counters by name. */
  readonly counters: Readonly<Record<string, number>>;
  /** What was lost: records that found no room in the kernel and events that nothing counted, denials without a record of their own, alert lines, violations in the report. */
  readonly drops: { readonly events: number; readonly denials: number; readonly alerts: number; readonly violations: number };
  /** What is wrong with the policies directory and its files, one line each. */
  readonly problems: readonly string[];
}

export interface StatusInput {
  readonly node: string;
  readonly cluster: string;
  readonly support: EnforcerSupport;
  readonly runtime: { readonly connected: boolean; readonly message: string };
  /** Undefined until the runtime has listed its containers. */
  readonly containers: readonly Container[] | undefined;
  readonly units: readonly Unit[];
  /** Why resource limits are not held, by cgroup. */
  readonly limitProblems?: ReadonlyMap<bigint, string>;
  readonly book: Book;
  readonly counters: Readonly<Record<string, number>>;
  readonly lost: { readonly alerts: number; readonly violations: number };
}

/** Everything at one glance. */
export function buildStatus(input: StatusInput): AgentStatus {
  const { support, units, counters } = input;
  const host = units.find(({ cgroup }) => cgroup === 0n);
  const byCgroup = new Map(units.map((unit) => [unit.cgroup, unit]));
  return {
    node: input.node,
    cluster: input.cluster,
    enforcer: support.enforcer,
    kernel: support.kernel,
    runtime: input.runtime,
    host: inForce(host),
    containers: (input.containers ?? []).map((container) => ({
      id: container.id,
      name: container.workload.name,
      namespace: container.workload.namespace,
      image: container.image,
      labels: container.workload.labels,
      ...(container.unconfinable === undefined
        ? { ...(container.gap === undefined ? {} : { problem: container.gap }), ...inForce(byCgroup.get(container.cgroup)) }
        : { tableHash: '', policies: [], problem: container.unconfinable }),
    })),
    policies: reportPolicies(input),
    counters,
    drops: { events: (counters['ringFull'] ?? 0) + (counters['lost'] ?? 0), denials: lostDenials(counters), ...input.lost },
    problems: input.book.problems.map(formatProblem),
  };
}

function inForce(unit: Unit | undefined): { tableHash: string; policies: readonly string[]; problem?: string } {
  const problem = unit?.problem === undefined ? {} : { problem: unit.problem };
  return { tableHash: unit?.inForce?.tableHash ?? '', policies: (unit?.held ?? []).map(refKey), ...problem };
}

type ReportInput = Pick<StatusInput, 'limitProblems' | 'book' | 'units' | 'support' | 'containers' | 'runtime' | 'counters'>;

/** The state of every policy here: those in force, and those that were refused. By kind, namespace and name. */
export function reportPolicies(input: ReportInput): readonly PolicyReport[] {
  const { book } = input;
  const wantedBy = new Map<Policy, Unit[]>();
  for (const unit of input.units) {
    for (const policy of unit.wanted) {
      const units = wantedBy.get(policy);
      if (units === undefined) wantedBy.set(policy, [unit]);
      else units.push(unit);
    }
  }
  const rejected = new Map(book.rejected.map((rejection) => [refKey(rejection.ref), rejection] as const).reverse());
  const reports = new Map<string, PolicyReport>();
  for (const policy of book.policies) {
    const units = wantedBy.get(policy) ?? [];
    const refused = rejected.get(refKey(policy));
    const judged =
      refused === undefined ? judge(policy, units, input) : { state: 'Rejected' as const, message: refusal(refused.problem, true) };
    // What is refused is the newer version, and what is said is about that.
    const version = refused === undefined ? book.versions.get(policy) : refused.version;
    const containers = units.reduce((sum, unit) => sum + unit.containers.length, 0);
    reports.set(refKey(policy), { ...policyRef(policy), ...judged, ...version, containers });
  }
  for (const { ref, problem, version } of book.rejected) {
    if (reports.has(refKey(ref))) continue;
    reports.set(refKey(ref), { ...ref, state: 'Rejected', message: refusal(problem, false), ...version, containers: 0 });
  }
  return [...reports].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, report]) => report);
}

function judge(policy: Policy, units: readonly Unit[], input: ReportInput): Pick<PolicyReport, 'state' | 'message'> {
  const degraded = degradation(policy, units, input);
  if (degraded !== undefined) return { state: 'Degraded', message: degraded };
  const isHost = policy.kind === 'KubeArmorHostPolicy';
  if (!isHost && input.containers === undefined)
    return { state: 'Pending', message: `the containers are not known yet: ${input.runtime.message}` };
  const waiting = units.filter(({ held, unresolved }) => unresolved || !held.includes(policy));
  if (waiting.length > 0) return { state: 'Pending', message: `not yet in force on ${waiting.length} of ${units.length}` };
  if (isHost) return { state: 'Enforced', message: units.length > 0 ? 'in force on the node' : 'it selects other nodes' };
  const count = units.reduce((sum, unit) => sum + unit.containers.length, 0);
  if (count === 0) return { state: 'Enforced', message: 'no container matches yet' };
  return { state: 'Enforced', message: `in force on ${count} container${count === 1 ? '' : 's'}` };
}

/** Why a policy is not held; undefined where nothing stands against it. */
function degradation(policy: Policy, units: readonly Unit[], input: ReportInput): string | undefined {
  const lacking = missingHookProblem(policy, input.support.missingHooks);
  if (lacking !== undefined) return formatProblem({ ...lacking, place: {} });
  const failed = units.find(({ problem }) => problem !== undefined);
  if (failed?.problem !== undefined) return `${nameOf(failed)}: ${failed.problem}`;
  const { limitProblems = new Map<bigint, string>(), containers = [] } = input;
  const unlimited = policy.resources === undefined ? undefined : units.find(({ cgroup }) => limitProblems.has(cgroup));
  if (unlimited !== undefined) return `${nameOf(unlimited)}: ${limitProblems.get(unlimited.cgroup) ?? ''}`;
  const loose = containers.find(
    (container) => looseness(container) !== undefined && selectPolicies([policy], [container.workload]).length > 0,
  );
  return loose === undefined ? missedRuns(input.counters) : `container ${loose.workload.name}: ${looseness(loose) ?? ''}`;
}

function looseness({ unconfinable, gap }: Container): string | undefined {
  return unconfinable ?? gap;
}

function nameOf(unit: Unit): string {
  return unit.containers.length === 0 ? 'the node' : `container ${unit.containers.map(({ workload }) => workload.name).join(', ')}`;
}

function refusal(problem: Problem, kept: boolean): string {
  return `${formatProblem(problem)}${kept ? '; the last good version stays in force' : ''}`;
}

/** The policies that `NAMESPACE/NAME` means; `NAME` and `/NAME` mean cluster and host policies. Undefined when it is not such a name. */
export function parsePolicyName(text: string): ((ref: PolicyRef) => boolean) | undefined {
  const found = /^(?:([^/\s]*)\/)?([^/\s]+)$/.exec(text);
  const name = found?.[2];
  if (name === undefined) return undefined;
  const said = found?.[1] ?? '';
  const namespace = said === 'container_namespace' ? 'default' : said;
  return (ref) => ref.name === name && ref.namespace === namespace;
}

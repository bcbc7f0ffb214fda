/**
 * Unit tests for policy programs: asks the reference evaluator, the one that the kernel is held to, what a program's policies decide.
 * Works in any test runner; `policyMatchers` are for the ones with jest's `expect.extend`.
 */
import { CAPABILITIES, DEFAULT_POSTURES, evaluate, formatProblem, matches, parsePolicy } from '@parapet/policy';
import type { Access, Decision, NetworkName, Policy, Postures, SwitchName, Workload } from '@parapet/policy';
import type { IConstruct } from 'constructs';
import type { CapabilityName } from './kubearmor-spec.ts';
import { PolicyObject } from './policy-object.ts';

/** What a workload tries to do: one of the seven. `args` are what the program is told besides its own name; default: nothing. */
export type Attempt =
  | { readonly exec: string; readonly args?: readonly string[] }
  | { readonly read: string }
  | { readonly write: string }
  | { readonly network: Exclude<NetworkName, 'all'> }
  | { readonly capability: CapabilityName }
  /** What a switch of the hardening or a preset is about. */
  | { readonly switch: SwitchName }
  /** A system call, and the path that it acts on if rules about that matter. */
  | { readonly syscall: string; readonly on?: string };

/** An attempt and who makes it. */
export type Question = Attempt & {
  /**
   * The workload: a container, or the node itself with `host: true`.
   * @default - what `Policies.in` said, else a container of namespace `default` without labels
   */
  readonly in?: Partial<Workload>;
  /**
   * The acting program; for `exec` the one that calls `execve`.
   * @default '/bin/sh'
   */
  readonly from?: string;
  /**
   * Whether the acting user owns the file.
   * @default true
   */
  readonly owner?: boolean;
  /**
   * What the node does about accesses that an allow-list does not name.
   * @default - `audit` for all classes
   */
  readonly postures?: Partial<Postures>;
};

/** A socket that has the name, as socket(2) numbers: family, type, protocol. */
const SOCKETS: Readonly<Record<Exclude<NetworkName, 'all'>, readonly [number, number, number]>> = {
  tcp: [2, 1, 6],
  udp: [2, 2, 17],
  icmp: [2, 3, 1],
  icmpv6: [10, 3, 58],
  sctp: [2, 1, 132],
  stream: [1, 1, 0],
  dgram: [1, 2, 0],
  raw: [2, 3, 255],
  rdm: [30, 4, 0],
  seqpacket: [1, 5, 0],
  dccp: [2, 6, 33],
  packet: [17, 3, 0],
};

/** The policies of a construct tree, to be asked questions. */
export class Policies {
  readonly #policies: readonly Policy[];
  readonly #workload: Partial<Workload>;

  private constructor(policies: readonly Policy[], workload: Partial<Workload>) {
    this.#policies = policies;
    this.#workload = workload;
  }

  /** All policies at and below `scope`: an app, a chart, or one policy. Throws with every problem when one of them has any. */
  static of(scope: IConstruct): Policies {
    const parsed = scope.node
      .findAll()
      .filter((construct) => PolicyObject.isPolicyObject(construct))
      .map((construct) => parsePolicy(construct.toJson() as unknown, {}));
    const problems = parsed.flatMap((result) => result.problems).filter(({ severity }) => severity === 'error');
    if (problems.length > 0) throw new Error(`The policies have problems:\n  ${problems.map(formatProblem).join('\n  ')}`);
    return new Policies(
      parsed.flatMap(({ policy }) => (policy === undefined ? [] : [policy])),
      {},
    );
  }

  /** The same policies, asked about this workload unless a question says otherwise. */
  in(workload: Partial<Workload>): Policies {
    return new Policies(this.#policies, workload);
  }

  /** The policies that are for this workload, by name. */
  matching(workload: Partial<Workload> = this.#workload): string[] {
    return this.#matching(workload).map(({ name }) => name);
  }

  /** What the policies decide, and which rule does. */
  decide(question: Question): Decision {
    const policies = this.#matching(question.in ?? this.#workload);
    const postures = { ...DEFAULT_POSTURES, ...question.postures };
    const access = accessOf(question);
    const decision = evaluate({ policies, postures, access });
    if (access.type !== 'syscall' || access.path === undefined || decision.verdict !== 'none') return decision;
    // no rule about the path: those for the call whatever its path
    return evaluate({ policies, postures, access: { type: 'syscall', syscall: access.syscall, source: access.source } });
  }

  #matching(workload: Partial<Workload>): Policy[] {
    const whole = { host: false, namespace: 'default', name: '', labels: {}, ...workload };
    return this.#policies.filter((policy) => matches(policy, whole));
  }
}

function accessOf(question: Question): Access {
  const source = question.from ?? '/bin/sh';
  if ('network' in question) {
    const [family, socketType, protocol] = SOCKETS[question.network];
    return { type: 'network', family, socketType, protocol, source };
  }
  if ('capability' in question) return { type: 'capability', capability: CAPABILITIES.indexOf(question.capability), source };
  if ('switch' in question) return { type: 'switch', switch: question.switch, source };
  if ('syscall' in question)
    return { type: 'syscall', syscall: question.syscall, ...(question.on === undefined ? {} : { path: question.on }), source };
  const owner = question.owner ?? true;
  if ('exec' in question) return { type: 'path', operation: 'exec', path: question.exec, arguments: question.args ?? [], owner, source };
  if ('read' in question) return { type: 'path', operation: 'read', path: question.read, owner, source };
  return { type: 'path', operation: 'write', path: question.write, owner, source };
}

interface MatcherResult {
  readonly pass: boolean;
  readonly message: () => string;
}

/**
 * For `expect.extend(policyMatchers)`: `toBlock` (refused), `toAudit` (passes with an alert), `toPass` (passes silently).
 *
 * ```ts
 * expect(Policies.of(chart).in({ namespace: 'shop', labels: { app: 'web' } })).toBlock({ exec: '/usr/bin/apt' });
 * ```
 */
export const policyMatchers = {
  toBlock: (policies: Policies, question: Question): MatcherResult => judge({ policies, question, wanted: ['block'] }),
  toAudit: (policies: Policies, question: Question): MatcherResult => judge({ policies, question, wanted: ['audit'] }),
  toPass: (policies: Policies, question: Question): MatcherResult => judge({ policies, question, wanted: ['allow', 'none'] }),
};

/** For `declare module '@jest/expect' { interface Matchers<R extends void | Promise<void>> extends PolicyMatchers<R> {} }`. */
export interface PolicyMatchers<R> {
  toBlock(question: Question): R;
  toAudit(question: Question): R;
  toPass(question: Question): R;
}

function judge({
  policies,
  question,
  wanted,
}: {
  policies: Policies;
  question: Question;
  wanted: readonly Decision['verdict'][];
}): MatcherResult {
  const decision = policies.decide(question);
  const pass = wanted.includes(decision.verdict);
  return {
    pass,
    message: () => `expected ${JSON.stringify(question)} ${pass ? 'not ' : ''}to be ${wanted.join(' or ')}, but ${explain(decision)}`,
  };
}

/** One clause that says what decided: `it is block by spec.process.matchPaths[0] of shop/web (main.ts:12)`. */
function explain(decision: Decision): string {
  if ('posture' in decision) return `it is ${decision.verdict} by the default posture`;
  if (decision.verdict === 'none') return 'no rule is about it';
  const { policy, rule, verdict } = decision;
  const place = policy.provenance.rules[rule.field] ?? policy.provenance.source;
  const name = policy.namespace === '' ? policy.name : `${policy.namespace}/${policy.name}`;
  return `it is ${verdict} by ${rule.field} of ${name}${place === undefined ? '' : ` (${place})`}`;
}

/** A cluster for readiness in memory: nodes that report and policies whose statuses are written, when the test says so. */
import type { NodeReport } from '@parapet/policy';
import { refKey } from '@parapet/policy';
import type { FoldedPolicy, PolicyStatus } from '../../../reconciler/src/policy-status.ts';
import { Readiness, READINESS_SETTINGS } from '../../../reconciler/src/readiness.ts';
import type { FailedChange, NodeReportHandlers, StatusChange } from '../../../reconciler/src/readiness-ports.ts';
import { memoryLog, nodeReport, policyReport } from './builders.ts';
import { FakeClock, settle } from './fakes.ts';

let reports = 0;

/** A report that says so of these policies, and is another one than any before. */
export function reportOf(node: string, policies: NodeReport['status']['policies'], rest: Partial<NodeReport['status']> = {}): NodeReport {
  return nodeReport(node, { observedAt: `report ${(reports += 1)}`, policies, ...rest });
}

export class ReadinessWorld {
  readonly clock = new FakeClock();
  readonly log = memoryLog();
  /** Statuses as they are in the cluster. */
  readonly statuses = new Map<string, PolicyStatus>();
  /** Number of statuses in each write. */
  readonly writes: number[] = [];
  /** Sources that were told of, in order. */
  readonly told: string[] = [];
  /** What is wrong with a write of this policy, if anything. */
  fault: (name: string) => string | undefined = () => undefined;
  /** Milliseconds that a write takes. */
  writing = 0;
  readonly readiness: Readiness;
  readonly #stop = new AbortController();
  #handlers: NodeReportHandlers | undefined;
  #running: Promise<void> | undefined;

  constructor() {
    this.readiness = new Readiness({
      reports: {
        watch: (handlers, signal) => {
          this.#handlers = handlers;
          return new Promise((resolve) => signal.addEventListener('abort', () => resolve()));
        },
      },
      writer: { write: (changes) => this.#write(changes) },
      clock: this.clock,
      log: this.log.log,
      settings: READINESS_SETTINGS,
      onSources: (sources) => void this.told.push(...sources),
    });
  }

  get nodes(): NodeReportHandlers {
    if (this.#handlers === undefined) throw new Error('nobody watches');
    return this.#handlers;
  }

  run(): void {
    this.#running = this.readiness.run(this.#stop.signal);
  }

  /** Runs with these nodes there from the start, each holding `policies`. */
  async start(policies: readonly FoldedPolicy[], ...nodes: readonly string[]): Promise<void> {
    this.run();
    for (const policy of policies) this.readiness.policyTold(policy);
    for (const node of nodes) this.report(node, ...policies);
    this.nodes.onSynced();
    await this.pass();
  }

  /** The node reports these as in force. */
  report(node: string, ...policies: readonly FoldedPolicy[]): void {
    this.say(reportOf(node, policies.map(holds)));
  }

  say(report: NodeReport, written?: number): void {
    this.nodes.onReport(report.metadata.name, structuredClone(report), written);
  }

  /** Lets so much time pass that everything that was told is folded and written. */
  async pass(milliseconds: number = READINESS_SETTINGS.gather + 50): Promise<void> {
    await this.clock.advance(milliseconds);
    await settle();
  }

  async stop(): Promise<void> {
    this.#stop.abort();
    await this.#running;
  }

  /** `True 2/2`; `none` where nothing is written. */
  enforced(name: string): string {
    const status = this.statuses.get(`KubeArmorPolicy shop/${name}`);
    if (status === undefined) return 'none';
    const condition = status.conditions.find(({ type }) => type === 'Enforced');
    return `${condition?.status} ${condition?.reason} ${status.nodes.enforced}/${status.nodes.total}`;
  }

  async #write(changes: readonly StatusChange[]): Promise<readonly FailedChange[]> {
    if (changes.length > 0) this.writes.push(changes.length);
    if (this.writing > 0) await this.clock.sleep(this.writing, this.#stop.signal);
    return changes.flatMap(({ ref, status }) => {
      const message = this.fault(ref.name);
      if (message !== undefined) return [{ ref, message }];
      this.statuses.set(refKey(ref), status);
      return [];
    });
  }
}

export const folded = (name: string, rest: Partial<FoldedPolicy> = {}): FoldedPolicy => ({
  ...{ kind: 'KubeArmorPolicy', namespace: 'shop', name, generation: 1 },
  ...rest,
});

/** What a node says that holds this version of the policy. */
export const holds = ({ name, generation, commit }: FoldedPolicy): ReturnType<typeof policyReport> =>
  policyReport(name, { generation, ...(commit === undefined ? {} : { commit }) });

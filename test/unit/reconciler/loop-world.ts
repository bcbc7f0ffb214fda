/** What the life of a source needs, in memory: time that passes when told, a repository, and a log of what was said. */
import type { Change } from '../../../reconciler/src/delivery.ts';
import type { Resolved, ResolvedCommit } from '../../../reconciler/src/ports.ts';
import { NO_METRICS } from '../../../reconciler/src/no-metrics.ts';
import type { LoopParts, SourceObject } from '../../../reconciler/src/source-loop-parts.ts';
import { readSourceObject } from '../../../reconciler/src/source-object.ts';
import type { Delivered, SourceRunResult } from '../../../reconciler/src/source-run.ts';
import { NO_STATUS } from '../../../reconciler/src/source-status.ts';
import type { SourceStatus } from '../../../reconciler/src/source-status.ts';
import { memoryLog, problem } from './builders.ts';
import { FakeClock } from './fakes.ts';

export interface Metadata {
  readonly name?: string;
  readonly uid?: string;
  readonly generation?: number;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly deletionTimestamp?: string;
  readonly finalizers?: readonly string[];
}

/** A PolicySource as the watch gives it. */
export function sourceObject(spec: object = {}, metadata: Metadata = {}): SourceObject {
  const { identity, ...read } = readSourceObject({
    apiVersion: 'parapet.dev/v1alpha1',
    kind: 'PolicySource',
    metadata: { name: 'shop', namespace: 'parapet-system', uid: 'uid-1', generation: 1, ...metadata },
    spec: { url: 'https://git.test/p.git', ref: { branch: 'main' }, interval: '1m', retryInterval: '10s', ...spec },
  });
  if (identity === undefined) throw new Error('the object has no name');
  return { identity, ...read, status: NO_STATUS };
}

export const commitOf = (digit: string): ResolvedCommit => {
  const commit = digit.repeat(40);
  return { commit, revision: `main@sha1:${commit}`, ref: 'refs/heads/main' };
};

/** A run that refused the commit. */
export const refused = (message: string): SourceRunResult => {
  const problems = [problem(message)];
  return { kind: 'refused', problems, synthesis: { manifests: 0, rules: 0, problems: { synth: problems, policies: [] } }, durations: {} };
};

/** A run that did this to each policy. */
export function delivered(commit: string, changes: readonly Change[], drifted = false): Delivered {
  const policies = changes.map((change, index) => ({
    ...({ kind: 'KubeArmorPolicy', namespace: 'shop', name: `p${index}`, change, drifted } as const),
    problems: change === 'refused' ? [problem('is wrong')] : [],
  }));
  const problems = policies.flatMap((policy) => policy.problems);
  const synthesis = { manifests: changes.length, rules: 1, digest: 'd', problems: { synth: [], policies: problems } };
  const revision = { repository: 'https://git.test/p.git', commit, digest: 'd', policies };
  const planned = {
    synthesis,
    judged: [],
    existing: [],
    revision,
    byStage: { synth: [], policies: problems, plan: [], server: [] },
    problems,
    durations: {},
  };
  return {
    ...planned,
    kind: 'delivered',
    prepared: { kind: 'prepared', commit, digest: 'd', judged: [], desired: new Map(), synthesis, durations: {} },
  };
}

export class LoopWorld {
  readonly clock = new FakeClock();
  readonly log = memoryLog();
  readonly said: SourceStatus[] = [];
  readonly told: string[] = [];
  /** Commits that were begun. */
  readonly runs: string[] = [];
  readonly finalizers: boolean[] = [];
  asked = 0;
  withdrawn = 0;
  closed = 0;
  newest: Resolved | Error = commitOf('a');
  obstacle: string | undefined;
  carryOut: (commit: string, signal: AbortSignal) => Promise<SourceRunResult> = (commit) => Promise.resolve(delivered(commit, ['added']));
  opening: () => void = () => undefined;

  get parts(): LoopParts {
    return {
      open: () => {
        this.opening();
        return Promise.resolve({
          resolve: () => {
            this.asked += 1;
            return this.newest instanceof Error ? Promise.reject(this.newest) : Promise.resolve(this.newest);
          },
          run: ({ commit }, _, signal) => {
            this.runs.push(commit[0] ?? '');
            return this.carryOut(commit, signal);
          },
        });
      },
      withdraw: () => {
        this.withdrawn += 1;
        return Promise.resolve([]);
      },
      close: () => {
        this.closed += 1;
        return Promise.resolve();
      },
      obstacle: () => this.obstacle,
      say: (_, status) => void this.said.push(status),
      setFinalizer: (_, wanted) => {
        this.finalizers.push(wanted);
        return Promise.resolve();
      },
      tell: (_, { message }) => void this.told.push(message),
      counts: (_, refusedPolicies) => ({ total: 1 + refusedPolicies, enforced: 0, degraded: 0, refused: refusedPolicies }),
      turn: (work) => work(),
      ...{ clock: this.clock, random: () => 0, log: this.log.log, metrics: NO_METRICS },
    };
  }

  /** `Ready=True Succeeded`, as it was said last. */
  get ready(): string {
    const one = this.said.at(-1)?.conditions.find(({ type }) => type === 'Ready');
    return `Ready=${one?.status ?? ''} ${one?.reason ?? ''}`;
  }
}

/** Work that goes on until it is aborted; rejects with the reason then. */
export function endless(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error), { once: true }));
}

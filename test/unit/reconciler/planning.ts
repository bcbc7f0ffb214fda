/** What planning a commit needs, in a world of the test's: trees, programs, and policies that are there. */
import { refKey } from '@parapet/policy';
import type { Problem } from '@parapet/policy';
import type { Delivery, Desired, Existing, PlannedPolicy, Refusals, Revision } from '../../../reconciler/src/delivery.ts';
import { OPEN_GATE } from '../../../reconciler/src/gate.ts';
import { Judge } from '../../../reconciler/src/judge.ts';
import { stamp } from '../../../reconciler/src/manifest.ts';
import { NO_METRICS } from '../../../reconciler/src/no-metrics.ts';
import type { ExportedTree, PullRequest, SynthResult } from '../../../reconciler/src/ports.ts';
import type { RevisionRules } from '../../../reconciler/src/revision.ts';
import type { RunParts } from '../../../reconciler/src/source-run.ts';
import { manifest } from './builders.ts';
import { REPOSITORY } from './deliveries.ts';

export const RULES: RevisionRules = {
  prune: true,
  pruneLimit: 50,
  pruneConfirmed: false,
  allowEmpty: false,
  force: false,
  drift: 'Correct',
};

/** Policies in memory, all of them ours. */
export class MemoryDelivery implements Delivery {
  readonly there = new Map<string, Desired>();
  /** What trying out refuses, and what writing does; by `refKey`. */
  readonly refusals = { tried: new Map<string, readonly Problem[]>(), written: new Map<string, readonly Problem[]>() };
  /** Names of what was tried out, each time. */
  readonly tried: string[][] = [];
  carried = 0;

  survey(): Promise<readonly Existing[]> {
    const all = [...this.there.values()];
    return Promise.resolve(all.map(({ kind, namespace, name, fingerprint }) => ({ kind, namespace, name, fingerprint, owner: 'ours' })));
  }

  tryOut(policies: readonly PlannedPolicy[]): Promise<Refusals> {
    this.tried.push(policies.map(({ name }) => name));
    return Promise.resolve(this.refusals.tried);
  }

  carryOut({ policies }: Revision): Promise<Refusals> {
    this.carried += 1;
    for (const policy of policies) {
      if (policy.change === 'removed') this.there.delete(refKey(policy));
      else if (policy.desired !== undefined && !this.refusals.written.has(refKey(policy))) this.there.set(refKey(policy), policy.desired);
    }
    return Promise.resolve(this.refusals.written);
  }
}

type Tree = Pick<ExportedTree, 'problems'> | { readonly moved: string };

/** A repository, programs and a place for policies; every commit has one policy unless told. */
export class Planning {
  readonly delivery = new MemoryDelivery();
  /** What a commit's program makes. */
  readonly programs = new Map<string, () => Partial<SynthResult> | Promise<Partial<SynthResult>>>();
  /** What a commit's files are, where they are not what they should be. */
  readonly trees = new Map<string, Tree>();
  /** Commits that were written out and not removed. */
  readonly left = new Set<string>();
  readonly exported: { readonly commit: string; readonly pullRequest: PullRequest | undefined }[] = [];
  pullRequests: readonly PullRequest[] = [];
  rules = RULES;

  /** From now on the commit's program makes these, each at a line of its own. */
  makes(commit: string, ...values: readonly unknown[]): void {
    const manifests = values.map((value, index) => ({ value, file: 'chart.k8s.yaml', source: `main.ts:${index + 1}` }));
    this.programs.set(commit, () => ({ manifests }));
  }

  parts(more: Partial<RunParts> = {}): RunParts {
    return {
      source: {
        url: REPOSITORY,
        resolve: () => Promise.reject(new Error('nobody asks')),
        export: (commit, _signal, pullRequest) => Promise.resolve(this.#export(commit, pullRequest)),
        pullRequests: (limit) => Promise.resolve(this.pullRequests.slice(0, limit)),
        close: () => Promise.resolve(),
      },
      synthesizer: { synth: ({ directory, signal }) => this.#synth(directory, signal) },
      judge: new Judge(),
      delivery: this.delivery,
      metrics: NO_METRICS,
      claim: (value, _ref, commit) => stamp(value, { repository: REPOSITORY, commit }),
      gate: OPEN_GATE,
      rules: this.rules,
      breathe: () => Promise.resolve(),
      now: () => 0,
      ...more,
    };
  }

  #export(commit: string, pullRequest: PullRequest | undefined): ExportedTree | { readonly moved: string } {
    this.exported.push({ commit, pullRequest });
    const tree = this.trees.get(commit) ?? { problems: [] };
    if ('moved' in tree) return tree;
    this.left.add(commit);
    return { directory: commit, ...tree, dispose: () => Promise.resolve(void this.left.delete(commit)) };
  }

  async #synth(commit: string, signal: AbortSignal | undefined): Promise<SynthResult> {
    const program =
      this.programs.get(commit) ?? ((): Partial<SynthResult> => ({ manifests: [{ value: manifest('web'), file: 'a.yaml' }] }));
    const stopped = new Promise<never>((_done, fail) => signal?.addEventListener('abort', () => fail(signal.reason as Error)));
    const made = await Promise.race([program(), stopped]);
    return { manifests: [], problems: [], digest: `digest of ${commit}`, bundleMs: 1, runMs: 2, ...made };
  }
}

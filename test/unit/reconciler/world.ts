/** A reconciler in a world that does what the test says: commits, programs, a target and a status host in memory. */
import { Observer, OBSERVER_SETTINGS } from '../../../reconciler/src/observe.ts';
import type { Following } from '../../../reconciler/src/follow.ts';
import { HOST_LIMITS } from '../../../reconciler/src/host-limits.ts';
import type { CommitStatus, ExportedTree, Resolved, StatusHost, SynthResult } from '../../../reconciler/src/ports.ts';
import { manifest, memoryLog } from './builders.ts';
import { FakeClock, FakeTarget, memoryStore, statusesFor } from './fakes.ts';

type Program = () => Promise<Partial<SynthResult>>;

/** A program that makes these manifests, each at a line of its own. */
export const makes =
  (...values: readonly unknown[]): Program =>
  () =>
    Promise.resolve({ manifests: values.map((value, index) => ({ value, file: 'chart.k8s.yaml', source: `main.ts:${index + 1}` })) });

export class World {
  readonly clock = new FakeClock();
  readonly target = new FakeTarget();
  readonly log = memoryLog();
  readonly store = memoryStore();
  readonly posted: CommitStatus[] = [];
  /** Where the reference points, or what asking for it throws. */
  head: string | Error | Resolved = '';
  /** What a commit's program does; `makes(web)` unless told. */
  readonly programs = new Map<string, Program>();
  /** Files of a commit, where it can't be had. */
  readonly trees = new Map<string, () => Promise<ExportedTree | { readonly moved: string }>>();
  /** Directories that were written out and not removed. */
  readonly left = new Set<string>();
  readonly parts: Following;

  constructor(options: { readonly store?: World['store']; readonly target?: FakeTarget } = {}) {
    this.store = options.store ?? this.store;
    this.target = options.target ?? this.target;
    const { clock, target, log } = this;
    const host: StatusHost = {
      limits: HOST_LIMITS.GitHub,
      post: (status: CommitStatus) => {
        this.posted.push(status);
        return Promise.resolve({ kind: 'posted' } as const);
      },
      find: ({ commit, context }) => {
        const status = this.posted.findLast((one) => one.commit === commit && one.context === context);
        return Promise.resolve(status === undefined ? { kind: 'none' } : { kind: 'found', status });
      },
    };
    const statuses = statusesFor({ host, store: this.store, clock, log: log.log });
    this.parts = {
      source: {
        url: 'https://git.test/p.git',
        resolve: (signal) => this.#resolve(signal),
        export: (commit) => this.#export(commit),
        pullRequests: () => Promise.resolve([]),
        close: () => Promise.resolve(),
      },
      synthesizer: { synth: ({ directory, signal }) => this.#synth(directory, signal) },
      target,
      statuses,
      log: log.log,
      clock,
      observer: new Observer({ target, statuses, store: memoryStore(), clock, log: log.log, settings: OBSERVER_SETTINGS }),
      path: '.',
      allowEmpty: false,
      interval: 1000,
      watch: 250,
    };
  }

  /** What the synth statuses of a commit were, in order, as far as they are delivered. */
  said(commit: string, context = 'parapet/synth'): string[] {
    return this.posted
      .filter((status) => status.commit === commit && status.context === context)
      .map(({ state, description }) => `${state}: ${description}`);
  }

  #resolve(signal: AbortSignal): Promise<Resolved> {
    if (signal.aborted) return Promise.reject(signal.reason as Error);
    const { head } = this;
    if (head instanceof Error) return Promise.reject(head);
    return Promise.resolve(typeof head === 'string' ? { commit: head, revision: `main@sha1:${head}`, ref: 'refs/heads/main' } : head);
  }

  #export(commit: string): Promise<ExportedTree | { readonly moved: string }> {
    const special = this.trees.get(commit);
    if (special !== undefined) return special();
    this.left.add(commit);
    const dispose = (): Promise<void> => Promise.resolve(void this.left.delete(commit));
    return Promise.resolve({ directory: commit, problems: [], dispose });
  }

  async #synth(directory: string, signal: AbortSignal | undefined): Promise<SynthResult> {
    const program = this.programs.get(directory) ?? makes(manifest('web'));
    const stopped = new Promise<never>((_done, fail) => signal?.addEventListener('abort', () => fail(signal.reason as Error)));
    return { manifests: [], problems: [], digest: '', bundleMs: 0, runMs: 0, ...(await Promise.race([program(), stopped])) };
  }
}

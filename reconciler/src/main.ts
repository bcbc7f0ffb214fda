/** Wires the reconciler: the only place that knows which adapter does what. */
import { join } from 'node:path';
import { GitSource } from './adapters/git.ts';
import { createHost } from './adapters/hosts/create-host.ts';
import { FileStore } from './adapters/standalone/store.ts';
import { StandaloneTarget } from './adapters/standalone/target.ts';
import { createSynthesizer } from './adapters/synth/index.ts';
import { gitCredentials, readSecret } from './config.ts';
import type { ReconcilerConfig } from './config.ts';
import { follow, once } from './follow.ts';
import type { Ending, Following } from './follow.ts';
import { looseRef } from './git-ref.ts';
import { HOST_LIMITS } from './host-limits.ts';
import { Observer, OBSERVER_SETTINGS } from './observe.ts';
import { Pace } from './pace.ts';
import type { Log, Source, StatusHost, Synthesizer } from './ports.ts';
import { StageError } from './stage-error.ts';
import { systemClock as clock } from './system-clock.ts';
import { STATUS_SETTINGS, Statuses } from './statuses.ts';
import { VIOLATIONS_SETTINGS } from './violations-status.ts';

export interface RunOptions {
  /** Aborted to stop: the run at hand ends, its status with it. */
  readonly signal: AbortSignal;
  /** Gets every line of the log. */
  readonly log: Log;
  /** Packages that ship with Parapet to their folders, for policy repositories that bring none: see `createSynthesizer`. */
  readonly library: Readonly<Record<string, string>>;
  /** Instead of the sandbox that runs policy programs. */
  readonly synthesizer?: Synthesizer;
  /** Milliseconds that the last statuses may take after the work is done; 15,000 unless told, or 3,000 after a signal. */
  readonly patience?: number;
}

/** Milliseconds between two looks at the nodes' reports. */
const WATCH_MS = 250;

/**
 * Runs the reconciler as configured: one commit, or every commit until the signal is aborted. Gives the exit code and, for one
 * commit, its problems. Statuses that can't be delivered don't change the exit code: policies are in force without them.
 */
export async function runReconciler(config: ReconcilerConfig, options: RunOptions): Promise<Ending> {
  const { log, signal } = options;
  const target = new StandaloneTarget(config.target);
  const refused = await guarded(async (): Promise<Ending> => ({ exit: 1, problems: await target.open() }));
  if (refused.exit === 3 || refused.problems.length > 0) return refused;
  const host = statusHost(config);
  const stored = (name: string): FileStore => new FileStore(join(config.target, '.store', name));
  const statuses = new Statuses({
    host,
    store: stored('outbox.json'),
    clock,
    log,
    pace: new Pace(host.limits.pace, clock),
    random: Math.random,
    settings: {
      ...STATUS_SETTINGS,
      ...(config.cluster === undefined ? {} : { cluster: config.cluster }),
      ...(config.statusTargetUrl === undefined ? {} : { targetUrl: config.statusTargetUrl }),
    },
  });
  await statuses.load();
  const violations = { ...VIOLATIONS_SETTINGS, spacing: config.violationsEvery };
  const settings = { ...OBSERVER_SETTINGS, patience: config.noReportAfter, violations };
  const parts: Following = {
    source: gitSource(config),
    synthesizer:
      options.synthesizer ??
      createSynthesizer({ library: { modules: options.library }, packages: config.packages, forMany: config.interval !== undefined }),
    target,
    statuses,
    log,
    clock,
    observer: new Observer({ target, statuses, store: stored('violations.json'), clock, log, settings }),
    path: config.path,
    allowEmpty: config.allowEmpty,
    interval: config.interval ?? 0,
    watch: WATCH_MS,
  };
  return ending(parts, options, () => (config.interval === undefined ? once(parts, signal) : follow(parts, signal)));
}

/** Delivers statuses while the work goes on, and for a while after it. */
async function ending(parts: Following, options: RunOptions, work: () => Promise<Ending>): Promise<Ending> {
  const delivering = new AbortController();
  const delivered = parts.statuses.deliver(delivering.signal);
  try {
    const result = await guarded(work);
    // Who was told to stop is about to be killed; what isn't delivered is on disk.
    const patience = options.patience ?? (options.signal.aborted ? 3_000 : 15_000);
    if (!(await parts.statuses.drained(patience))) {
      options.log({ level: 'warn', stage: 'status', message: 'some statuses could not be posted; the next start will try again' });
    }
    return result;
  } finally {
    delivering.abort();
    await delivered;
    await parts.source.close();
  }
}

/** The world's failure as an ending, instead of an exception. */
async function guarded<T>(work: () => Promise<T>): Promise<T | Ending> {
  try {
    return await work();
  } catch (error) {
    if (error instanceof StageError) return { exit: 3, problems: [], failure: error.message };
    throw error;
  }
}

function gitSource(config: ReconcilerConfig): Source {
  return new GitSource({
    url: config.source.url,
    ref: looseRef(config.ref),
    path: config.path,
    directory: join(config.target, '.store', 'git'),
    environment: config.git.environment,
    credentials: () => {
      const credentials = gitCredentials(config);
      return credentials === undefined ? undefined : { kind: 'basic', ...credentials };
    },
  });
}

/** Without a host the log is where statuses go: every status that is posted is logged. */
function statusHost({ github }: ReconcilerConfig): StatusHost {
  if (github === undefined)
    return {
      limits: { ...HOST_LIMITS.GitHub, writes: Infinity, pace: { minute: Infinity, hour: Infinity } },
      post: () => Promise.resolve({ kind: 'posted' }),
      find: () => Promise.resolve({ kind: 'none' }),
    };
  const { owner, repository, apiUrl, token } = github;
  const spec = { provider: 'GitHub', apiUrl, repository: `${owner}/${repository}` } as const;
  return createHost(spec, () => Promise.resolve().then(() => ({ token: readSecret(token) })));
}

/** Wires the reconciler of a cluster: it follows the cluster's PolicySources for as long as it leads, and waits to lead otherwise. */
import { randomUUID } from 'node:crypto';
import { join } from 'node:path';
import { REPORT_API_VERSION } from '@parapet/policy';
import PQueue from 'p-queue';
import { ArtifactStore } from '../adapters/flux/store.ts';
import type { Check } from '../adapters/http/operations.ts';
import { Connection } from '../adapters/kubernetes/connection.ts';
import { Events } from '../adapters/kubernetes/events.ts';
import { lead } from '../adapters/kubernetes/lease.ts';
import { LivePolicies } from '../adapters/kubernetes/live-policies.ts';
import { KubernetesNodeReports } from '../adapters/kubernetes/node-reports.ts';
import { KubernetesPolicyStatusWriter } from '../adapters/kubernetes/policy-status-writer.ts';
import { SecretReader } from '../adapters/kubernetes/secret-reader.ts';
import { FINALIZER, SourceObjects } from '../adapters/kubernetes/source-objects.ts';
import type { SourceRef } from '../adapters/kubernetes/source-objects.ts';
import { StoredClusterPolicies } from '../adapters/kubernetes/stored-policies.ts';
import { createLog } from '../adapters/log.ts';
import { createMetrics } from '../adapters/metrics.ts';
import type { PrometheusMetrics } from '../adapters/metrics.ts';
import { TelemetryFiles } from '../adapters/telemetry-files.ts';
import type { ClusterConfig } from '../cluster-config.ts';
import { CommentQueues } from '../comment-queues.ts';
import { Controller } from '../controller.ts';
import { foldedPolicy } from '../folded-policy.ts';
import type { Ending } from '../follow.ts';
import { systemClock as clock } from '../system-clock.ts';
import type { Log, Metrics, Synthesizer } from '../ports.ts';
import { QueuedStatuses } from '../queued-statuses.ts';
import { Readiness, READINESS_SETTINGS } from '../readiness.ts';
import { eventOf } from '../source-event.ts';
import { sourceName } from '../source-loop-parts.ts';
import type { LoopParts } from '../source-loop-parts.ts';
import { REQUESTED_AT } from '../source-object.ts';
import type { SourceIdentity } from '../source-object.ts';
import type { Paces } from '../source-statuses.ts';
import { SourceStatusWriter } from '../source-status-writer.ts';
import { StageError } from '../stage-error.ts';
import { SynthCache } from '../synth-cache.ts';
import { openDoors } from './doors/main.ts';
import type { Door } from './doors/main.ts';
import { SourceOpener } from './source/main.ts';

export interface ClusterRunOptions {
  /** Aborted to stop: what is at work ends, and the lease is given back. */
  readonly signal: AbortSignal;
  /** Packages that ship with Parapet to their folders, for policy repositories that bring none: see `createSynthesizer`. */
  readonly synthesizer: Synthesizer;
  /** Gets whole lines of the log; stderr unless told. */
  readonly write?: (line: string) => void;
}

type Inside = ClusterRunOptions & {
  readonly log: Log;
  readonly redact: (values: Iterable<string>) => void;
  readonly metrics: Metrics;
  readonly expose: PrometheusMetrics['expose'];
};

/** The time in which this process leads. */
interface Term {
  readonly signal: AbortSignal;
  readonly live: LivePolicies;
  readonly readiness: Readiness;
  /** By uid. */
  readonly openers: Map<string, SourceOpener>;
  readonly comments: CommentQueues;
  readonly writer: SourceStatusWriter;
  /** uids of the sources that are no more. */
  readonly gone: Set<string>;
}

const LEASE = 'parapet-reconciler';
/** Milliseconds that the last statuses of sources may take when this process stops. */
const LAST_WORDS = 3000;

/** Runs until the signal is aborted. Resolves with what the world made impossible; rejects only for a bug. */
export async function runClusterReconciler(config: ClusterConfig, options: ClusterRunOptions): Promise<Ending> {
  const { log, redact } = createLog({ format: config.log, ...(options.write === undefined ? {} : { write: options.write }) });
  try {
    const made = createMetrics();
    const synthesizer = new SynthCache({ synthesizer: options.synthesizer, metrics: made.metrics });
    await new ClusterReconciler(config, { ...options, synthesizer, log, redact, ...made }).run(options.signal);
    return { exit: 0, problems: [] };
  } catch (error) {
    if (!(error instanceof StageError)) throw error;
    const failure = `${error.stage} failed: ${error.message}`;
    log({ level: 'error', stage: error.stage, message: error.message });
    return { exit: 3, problems: [], failure };
  }
}

class ClusterReconciler {
  readonly #config: ClusterConfig;
  readonly #options: Inside;
  readonly #connection: Connection;
  readonly #secrets: SecretReader;
  readonly #sources: SourceObjects;
  readonly #events: Events;
  readonly #metrics: Metrics;
  readonly #controller: Controller;
  readonly #queue: PQueue;
  readonly #paces: Paces = new Map();
  readonly #artifacts: ArtifactStore | undefined;
  readonly #stored: StoredClusterPolicies;
  readonly #telemetry: TelemetryFiles | undefined;
  readonly #queued: QueuedStatuses;
  /** Whether the sources that there are have been read. */
  #isSynced = false;
  #term: Term | undefined;

  constructor(config: ClusterConfig, options: Inside) {
    const { log, metrics, redact } = options;
    this.#config = config;
    this.#options = options;
    this.#metrics = metrics;
    const onAnswer = ({ method, code }: { readonly method: string; readonly code: number }): void =>
      metrics.apiRequest(method, code === 0 ? 'error' : code);
    const connection = new Connection({ kubeconfig: config.kubeconfig, onAnswer });
    this.#connection = connection;
    this.#secrets = new SecretReader({ connection, redact });
    this.#sources = new SourceObjects({ connection });
    const onDropped = (why: string): void => log({ level: 'warn', stage: 'target', message: `an event is not told: ${why}` });
    this.#events = new Events({ connection, instance: config.identity, onDropped });
    this.#queued = new QueuedStatuses(metrics);
    this.#queue = new PQueue({ concurrency: config.parallel });
    this.#artifacts = config.artifacts === undefined ? undefined : new ArtifactStore(join(config.data, 'artifacts'));
    this.#stored = new StoredClusterPolicies({ connection });
    this.#telemetry = config.telemetry === undefined ? undefined : new TelemetryFiles({ directory: config.telemetry });
    this.#controller = new Controller({
      loop: (object) => this.#loop(object.identity),
      forget: ({ uid }) => this.#term?.gone.add(uid),
      ...{ clock, log, metrics },
    });
  }

  /** Until the signal is aborted. Rejects with a StageError where there is no way to begin. */
  async run(signal: AbortSignal): Promise<void> {
    await this.#artifacts?.open();
    const ending = new AbortController();
    const all = AbortSignal.any([signal, ending.signal]);
    const doors = await this.#openDoors();
    const loops = [this.#watchSources(all), this.#campaign(all)];
    try {
      // Both end only with the signal or with a bug.
      await Promise.race(loops);
    } finally {
      ending.abort();
      await Promise.allSettled(loops);
      await this.#events.close();
      await Promise.all(doors.map(async (door) => door.close()));
      await this.#connection.close();
    }
  }

  #openDoors(): Promise<readonly Door[]> {
    return openDoors(this.#config, {
      sources: () => this.#controller.sources,
      hint: (source) => this.#hint(source),
      checks: () => this.#checks(),
      onScrape: () => this.#queued.tell([...(this.#term?.openers.values() ?? [])].map(({ queued }) => queued)),
      ...{ secrets: this.#secrets, log: this.#options.log, metrics: this.#metrics, expose: this.#options.expose },
    });
  }

  #checks(): readonly Check[] {
    return [{ name: 'sources', ready: this.#isSynced, ...(this.#isSynced ? {} : { message: 'the PolicySources are not read yet' }) }];
  }

  /** Who leads looks at the repository at once; who doesn't tells the one that does. */
  #hint({ namespace, name, uid }: SourceRef): void {
    if (this.#controller.isLeading) return this.#controller.hint(sourceName({ namespace, name }));
    const requested = { [REQUESTED_AT]: new Date().toISOString() };
    void this.#sources.annotate({ namespace, name, uid }, requested, AbortSignal.timeout(10_000)).catch((error: unknown) => {
      const message = `the leader can't be told of a webhook: ${error instanceof Error ? error.message : String(error)}`;
      this.#options.log({ level: 'warn', stage: 'webhook', source: sourceName({ namespace, name }), message });
    });
  }

  async #watchSources(signal: AbortSignal): Promise<void> {
    await this.#sources.watch(
      {
        onSource: ({ source, status }) => this.#controller.put(source, status),
        onGone: (key) => this.#controller.gone(key),
        onSynced: () => (this.#isSynced = true),
        onBroken: (why) => this.#broken('PolicySource', why),
      },
      signal,
    );
  }

  #broken(kind: string, why: string): void {
    this.#metrics.watchRestarted(kind);
    this.#options.log({ level: 'warn', stage: 'target', message: `the watch of every ${kind} starts again: ${why}` });
  }

  async #campaign(signal: AbortSignal): Promise<void> {
    const { log } = this.#options;
    const { namespace, identity } = this.#config;
    const onLeading = (leads: boolean): void => {
      this.#metrics.leading(leads);
      log({ level: 'info', stage: 'target', message: `this process ${leads ? 'leads' : 'does not lead any more'}` });
    };
    const onTrouble = (why: string): void => log({ level: 'warn', stage: 'target', message: `the lease: ${why}` });
    const candidate = {
      connection: this.#connection,
      namespace,
      name: LEASE,
      identity: `${identity}_${randomUUID()}`,
      onLeading,
      onTrouble,
    };
    while (!signal.aborted) await lead(candidate, (term) => this.#lead(term), signal);
  }

  async #lead(signal: AbortSignal): Promise<void> {
    const { log } = this.#options;
    const connection = this.#connection;
    const ended = new AbortController();
    const all = AbortSignal.any([signal, ended.signal]);
    const openers = new Map<string, SourceOpener>();
    const readiness = new Readiness({
      reports: new KubernetesNodeReports({ connection, onBroken: (why) => this.#broken('NodeReport', why) }),
      writer: new KubernetesPolicyStatusWriter(connection),
      ...{ clock, log, settings: READINESS_SETTINGS },
      onSources: (uids) => {
        for (const uid of uids) {
          openers.get(uid)?.look();
          this.#controller.counted(uid);
        }
      },
    });
    const live = new LivePolicies({
      connection,
      onChange: ({ ref, before, now }) => {
        if (now === undefined) readiness.policyGone(ref);
        for (const uid of new Set([before?.owner, now?.owner])) if (uid !== undefined) this.#controller.drifted(uid);
      },
      onTold: (policy, object) => readiness.policyTold(foldedPolicy(policy, object)),
      onBroken: (kind, why) => this.#broken(kind, why),
    });
    const writer = new SourceStatusWriter({ write: async (...what) => void (await this.#sources.writeStatus(...what)), clock, log });
    const comments = new CommentQueues({ clock, log, paces: this.#paces, random: Math.random }, all);
    this.#term = { signal, live, readiness, writer, openers, comments, gone: new Set() };
    const background = [live.watch(all), readiness.run(all)];
    try {
      await this.#controller.lead(signal);
    } finally {
      await writer.close(LAST_WORDS);
      ended.abort();
      await Promise.all([...background, comments.ended()]);
      this.#term = undefined;
    }
  }

  #loop(identity: SourceIdentity): Omit<LoopParts, 'obstacle'> {
    const term = this.#term;
    if (term === undefined) throw new Error('a source lives only while this process leads');
    const { log } = this.#options;
    const opener = new SourceOpener(identity, {
      ...{ config: this.#config, connection: this.#connection, live: term.live, secrets: this.#secrets },
      ...{ synthesizer: this.#options.synthesizer, artifacts: this.#artifacts, paces: this.#paces },
      ...{ clock, log, metrics: this.#metrics, signal: term.signal, readiness: term.readiness, stored: this.#stored },
      ...{ telemetry: this.#telemetry, comments: (apiUrl) => term.comments.of(apiUrl) },
    });
    term.openers.set(identity.uid, opener);
    return {
      open: (object, signal) => opener.open(object, signal),
      withdraw: (spec, signal) => opener.withdraw(spec, signal),
      close: async () => {
        term.openers.delete(identity.uid);
        if (term.gone.has(identity.uid)) {
          term.readiness.forget(identity.uid);
          await opener.forget();
        }
        await opener.close();
      },
      say: (about, status) => term.writer.say(about, status),
      setFinalizer: async (about, wanted, signal) => {
        if (about.finalizers.includes(FINALIZER) === wanted) return;
        await (wanted ? this.#sources.addFinalizer(about, signal) : this.#sources.removeFinalizer(about, signal));
      },
      tell: (about, report) => this.#tell(about, report),
      counts: ({ uid }, refused) => {
        const there = term.live.of(uid);
        const pending = there.length;
        return term.readiness.countsOf(uid, there) ?? { total: pending + refused, enforced: 0, degraded: 0, refused, pending };
      },
      turn: (work, signal) => this.#queue.add(work, { signal }),
      ...{ clock, log, random: Math.random, metrics: this.#metrics },
    };
  }

  #tell({ namespace, name, uid }: SourceIdentity, report: Parameters<LoopParts['tell']>[1]): void {
    const news = eventOf(report);
    const regarding = { apiVersion: REPORT_API_VERSION, kind: 'PolicySource', namespace, name, uid };
    if (news !== undefined) this.#events.record({ ...news, regarding, action: 'Reconcile' });
  }
}

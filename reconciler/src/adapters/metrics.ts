/** Metrics for Prometheus. What labels can say is bounded: by what the code knows, by the sources there are, or by a number. */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client';
import type { Metrics, TimedStage } from '../ports.ts';

export interface PrometheusMetrics {
  readonly metrics: Metrics;
  /** All of it in Prometheus' text format. */
  readonly expose: () => Promise<{ readonly contentType: string; readonly text: string }>;
}

/** Distinct values of a label that others choose, hosts' names for one; what comes later is `other`. */
const MOST_VALUES = 50;
/** Sources that have series of their own; those that come later are in the sums only. */
const MOST_SOURCES = 5_000;
/** From a warm question to a repository to a first apply of thousands; seconds. */
const BUCKETS = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120];

const STAGES: readonly TimedStage[] = [
  ...(['resolve', 'fetch', 'verify', 'synth_bundle', 'synth_run', 'check'] as const),
  ...(['plan', 'dry_run', 'apply', 'prune', 'deliver'] as const),
];
const STATES = ['enforced', 'degraded', 'refused', 'pending'] as const;
const SOURCE = ['source_namespace', 'source_name'] as const;

/** `process`: whether also to tell of the process (CPU, memory, event loop, collected garbage); yes unless told. */
export function createMetrics(options: { readonly process?: boolean } = {}): PrometheusMetrics {
  const registry = new Registry();
  if (options.process !== false) collectDefaultMetrics({ register: registry });
  return {
    metrics: { ...runs(registry), ...sources(registry), ...outbox(registry), ...surroundings(registry) },
    expose: async () => ({ contentType: registry.contentType, text: await registry.metrics() }),
  };
}

function counter<T extends string>(registry: Registry, [name, help]: readonly [string, string], ...labelNames: T[]): Counter<T> {
  return new Counter({ name: `parapet_${name}`, help, labelNames, registers: [registry] });
}

function gauge<T extends string>(registry: Registry, [name, help]: readonly [string, string], ...labelNames: T[]): Gauge<T> {
  return new Gauge({ name: `parapet_${name}`, help, labelNames, registers: [registry] });
}

type Runs = Pick<Metrics, 'runEnded' | 'stageEnded' | 'drifted' | 'pruneBlocked' | 'synthCache'>;

function runs(registry: Registry): Runs {
  const ended = counter(registry, ['source_runs_total', 'Runs of sources, by how they ended'], 'outcome');
  const drift = counter(registry, ['drift_total', 'Objects that others had changed, by what was done about them'], 'answer');
  const blocked = counter(registry, ['prune_blocked_total', 'Runs that would have removed more than their source allows']);
  const hits = counter(registry, ['synth_cache_hits_total', 'Programs whose result was known from an earlier run']);
  const misses = counter(registry, ['synth_cache_misses_total', 'Programs that had to be run']);
  const stages = new Histogram({
    name: 'parapet_stage_duration_seconds',
    help: 'Time that a stage of a run took',
    labelNames: ['stage'],
    buckets: BUCKETS,
    registers: [registry],
  });
  // What can be counted is there from the start: a first failure is then an increase and not a new series.
  for (const outcome of ['applied', 'refused', 'overtaken', 'failed']) ended.inc({ outcome }, 0);
  for (const answer of ['corrected', 'reported']) drift.inc({ answer }, 0);
  for (const stage of STAGES) stages.zero({ stage });
  return {
    runEnded: (outcome) => ended.inc({ outcome }),
    stageEnded: (stage, milliseconds) => stages.observe({ stage }, sound(milliseconds) / 1000),
    drifted: (answer, objects) => drift.inc({ answer }, sound(objects)),
    pruneBlocked: () => blocked.inc(),
    synthCache: (answer) => (answer === 'hit' ? hits : misses).inc(),
  };
}

type Sources = Pick<Metrics, 'policies' | 'ready' | 'succeeded' | 'forget'>;

function sources(registry: Registry): Sources {
  const policies = gauge(registry, ['policies', 'Policies of a source, by what nodes make of them'], ...SOURCE, 'state');
  const ready = gauge(registry, ['source_ready', 'Whether a source is ready (1) or not (0)'], ...SOURCE);
  const succeeded = gauge(registry, ['source_last_success_timestamp_seconds', 'When a run of a source last ended well'], ...SOURCE);
  const known = new Set<string>();
  const tell = (source: string, what: (labels: Record<(typeof SOURCE)[number], string>) => void): void => {
    if (!known.has(source) && known.size >= MOST_SOURCES) return;
    known.add(source);
    what(labelsOf(source));
  };
  return {
    policies: (source, { total, enforced, degraded, refused }) =>
      tell(source, (labels) => {
        const counts = { enforced, degraded, refused, pending: Math.max(0, total - enforced - degraded - refused) };
        for (const state of STATES) policies.set({ ...labels, state }, sound(counts[state]));
      }),
    ready: (source, is) => tell(source, (labels) => ready.set(labels, is ? 1 : 0)),
    succeeded: (source, at) => tell(source, (labels) => succeeded.set(labels, sound(at) / 1000)),
    forget: (source) => {
      if (!known.delete(source)) return;
      const labels = labelsOf(source);
      for (const state of STATES) policies.remove({ ...labels, state });
      ready.remove(labels);
      succeeded.remove(labels);
    },
  };
}

/** Not `namespace` and `name`: Prometheus gives those to what it scrapes. */
function labelsOf(source: string): Record<(typeof SOURCE)[number], string> {
  const at = source.indexOf('/');
  return { source_namespace: source.slice(0, Math.max(0, at)), source_name: source.slice(at + 1) };
}

function outbox(registry: Registry): Pick<Metrics, 'outboxQueued' | 'outboxAnswered'> {
  const queued = gauge(registry, ['outbox_queued', 'Commit statuses that wait to be posted'], 'host');
  const answers = {
    posted: counter(registry, ['outbox_posted_total', 'Commit statuses that hosts took'], 'host'),
    retried: counter(registry, ['outbox_retries_total', 'Attempts to post a commit status that are made again'], 'host'),
    refused: counter(registry, ['outbox_refused_total', 'Commit statuses that hosts refused'], 'host'),
  };
  const host = bounded();
  return {
    outboxQueued: (name, statuses) => queued.set({ host: host(name) }, sound(statuses)),
    outboxAnswered: (name, answer) => answers[answer].inc({ host: host(name) }),
  };
}

type Surroundings = Pick<Metrics, 'webhook' | 'watchRestarted' | 'apiRequest' | 'leading'>;

function surroundings(registry: Registry): Surroundings {
  const webhooks = counter(registry, ['webhooks_total', 'Deliveries of webhooks, by what became of them'], 'host', 'event', 'result');
  const restarts = counter(registry, ['watch_restarts_total', 'Watches of the API server that had to be started again'], 'kind');
  const requests = counter(registry, ['api_requests_total', 'Requests to the API server, by verb and code of the answer'], 'verb', 'code');
  const leader = gauge(registry, ['leader', 'Whether this process leads (1) or waits to (0)']);
  const [host, event, kind, verb] = [bounded(), bounded(), bounded(), bounded()];
  return {
    webhook: ({ result, ...said }) => webhooks.inc({ host: host(said.host), event: event(said.event), result }),
    watchRestarted: (what) => restarts.inc({ kind: kind(what) }),
    apiRequest: (what, code) => requests.inc({ verb: verb(what), code: isCode(code) ? String(code) : 'error' }),
    leading: (leads) => leader.set(leads ? 1 : 0),
  };
}

/** The first values as they are, `other` for all that come later. */
function bounded(): (value: string) => string {
  const known = new Set<string>();
  return (value) => {
    const short = value.slice(0, 100);
    if (known.size < MOST_VALUES) known.add(short);
    return known.has(short) ? short : 'other';
  };
}

function isCode(code: number | 'error'): boolean {
  return Number.isInteger(code) && Number(code) >= 100 && Number(code) <= 599;
}

/** A counter that is told to go down throws, and a NaN stays for ever. */
function sound(value: number): number {
  return Number.isFinite(value) && value > 0 ? value : 0;
}
